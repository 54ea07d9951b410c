"""Weak features: 2,000 redraws of n = 200 at 60 numbers of features from 5 to 399, against a NumPy loop of lstsq.

Both sides draw their data, solve in float64 and keep, for each number of features, the training error, the exact risk
``(1 - sum w)^2 + ||w||^2`` and ``||w||^2``. Time is linear in redraws, so that each turn takes a sample of them; the
note has the seconds that this makes for 2,000. gendyn takes a redraw at a time on each device, with one BLAS thread
(threads of threads wait for each other); the loop is measured with all threads and with one.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, PartitionSpec
from threadpoolctl import threadpool_limits

from benchmarks.rows import Row, of_ratio
from benchmarks.timing import Timing, alternate, median_wall, ratio, timed
from gendyn.regression import prefix_least_squares

EXAMPLES, REDRAWS = 200, 2000
SIZES = tuple(int(size) for size in np.linspace(5, 399, 60).round())
SAMPLE, LOOP_SAMPLE = 32, 1
"""Redraws of one turn, for each device and for the loop."""


def run(repeats: int) -> list[Row]:
    """The ratio of times of one redraw, and how far the two solve the same problem."""
    with jax.enable_x64(True):
        simulate = over_devices()
        keys = jax.random.split(jax.random.key(0), SAMPLE * jax.local_device_count())
        jax.block_until_ready(simulate(keys))
        generator = np.random.default_rng(0)
        candidates: dict[str, Callable[[], Timing]] = {
            "gendyn": lambda: one_thread(partial(simulate, keys)).per(len(keys)),
            "all threads": lambda: timed(partial(loops, generator)).per(LOOP_SAMPLE),
            "one thread": lambda: one_thread(partial(loops, generator)).per(LOOP_SAMPLE),
        }
        measured = alternate(candidates, repeats)
        x, y = draw(generator)
        ours, theirs = np.asarray(jax.jit(summaries)(x, y)), loop(x, y)
    seconds = {name: REDRAWS * median_wall(timings) for name, timings in measured.items()}
    # Training errors beyond n = 200 are rounding: only risks and norms are compared.
    difference = float(np.max(np.abs(ours[:, 1:] / theirs[:, 1:] - 1)))
    rows = []
    for threads in ("all threads", "one thread"):
        found = ratio(measured[threads], measured["gendyn"])
        note = f"2,000 redraws: {seconds[threads]:.0f} s / {seconds['gendyn']:.0f} s"
        rows.append(of_ratio(f"lstsq loop, {threads} / all sizes at once", found, at_least=5, note=note))
    return [*rows, Row("  largest relative difference", difference, unit="", at_most=1e-8)]


def one_thread(fn: Callable[[], object]) -> Timing:
    """One call, with every BLAS of the process on one thread."""
    with threadpool_limits(1, user_api="blas"):
        return timed(fn)


def draw(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Targets, and columns that are each the target and unit noise."""
    y = generator.standard_normal(EXAMPLES)
    return y[:, None] + generator.standard_normal((EXAMPLES, max(SIZES))), y


def loops(generator: np.random.Generator) -> list[np.ndarray]:
    """``LOOP_SAMPLE`` redraws."""
    return [loop(*draw(generator)) for _ in range(LOOP_SAMPLE)]


def loop(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``[sizes, 3]``, one ``lstsq`` a size."""
    rows = []
    for size in SIZES:
        w = np.linalg.lstsq(x[:, :size], y, rcond=None)[0]
        rows.append((np.mean((y - x[:, :size] @ w) ** 2), (1 - w.sum()) ** 2 + w @ w, w @ w))
    return np.array(rows)


def summaries(x: jax.Array, y: jax.Array) -> jax.Array:
    """``[sizes, 3]``, all sizes at once."""
    w = prefix_least_squares(x, y, SIZES).coefficients
    squares = jnp.sum(w**2, axis=1)
    return jnp.stack([jnp.mean((y - w @ x.T) ** 2, axis=1), (1 - jnp.sum(w, axis=1)) ** 2 + squares, squares], axis=1)


def over_devices() -> Callable[[jax.Array], jax.Array]:
    """Keys -> ``[redraws, sizes, 3]``, a redraw at a time on each device."""

    def one(key: jax.Array) -> jax.Array:
        of_targets, of_noise = jax.random.split(key)
        y = jax.random.normal(of_targets, (EXAMPLES,))
        return summaries(y[:, None] + jax.random.normal(of_noise, (EXAMPLES, max(SIZES))), y)

    mesh = Mesh(np.asarray(jax.local_devices()), ("redraw",), axis_types=(AxisType.Auto,))
    rows = PartitionSpec("redraw")
    mapped = jax.shard_map(
        lambda keys: jax.lax.map(one, keys), mesh=mesh, in_specs=rows, out_specs=rows, check_vma=False
    )
    return jax.jit(mapped)
