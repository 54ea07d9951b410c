"""A process that does one piece of work on demand: a line in, a line of figures out.

    python with_torch.py pyhessian_hvp problem.npz CORES

Timings of two such processes alternate by alternating the requests. The first line out says that the work is ready
(compiled, warmed up); every line in is one measurement.
"""

import json
import os
import resource
import sys
import time


def pin(cores):
    """This process and its threads on so many cores; call it before numerical libraries are imported."""
    usable = sorted(os.sched_getaffinity(0))[-cores:]
    os.sched_setaffinity(0, usable)
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(len(usable))


def serve(work, facts=lambda result: {}, warm_up=True):
    """``work() -> result``, everything computed when it returns; ``facts(result)``: what else to report."""
    if warm_up:
        work()
    print("ready", flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        figures = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({**figures, **facts(result)}), flush=True)
