"""Measures the saved networks of a sweep with any probe.

    gendyn analyse --workdir=runs/demo --probe=weight_rank --probe="parameter_norm()"

Writes a table, a row a run (--output, .csv, .parquet or .jsonl), and changes nothing else. The sweep may still be
running: each run is measured at its newest checkpoint.
"""

from collections.abc import Sequence
from pathlib import Path

import jax
from absl import flags

from gendyn import store
from gendyn.core import ConfigError
from gendyn.sweep import analyse, cli


def define(argv: Sequence[str]) -> list[str]:
    """Declares the options."""
    flags.DEFINE_string("workdir", "", "Folder of a sweep.")
    flags.DEFINE_multi_string("probe", [], "A file of gendyn/probes/, with arguments if any; repeatable.")
    flags.DEFINE_multi_string("name", [], "Code of your own that the folder uses, module:object; repeatable.")
    flags.DEFINE_string("folder", "", "Where the files of the sweep's task lie now, if they were moved.")
    flags.DEFINE_string("output", "", "The table, .csv, .parquet or .jsonl; by default analysis.csv in the workdir.")
    flags.DEFINE_enum("strategy", "map", ["map", "vmap"], "Runs one after another, or side by side.")
    flags.DEFINE_integer("host_devices", 0, "CPU devices to make of this host; 0 is one a core.", 0)
    return list(argv)


def main(_: Sequence[str]) -> None:
    """Measures and writes."""
    options = flags.FLAGS
    if not options.workdir:
        raise ConfigError("--workdir is missing: name the folder of a sweep, such as --workdir=runs/demo.")
    if not options.probe:
        raise ConfigError("--probe is missing: name a file of gendyn/probes/, such as --probe=parameter_norm.")
    output = store.check_table_path(Path(options.output or Path(options.workdir) / "analysis.csv"))
    jax.config.update("jax_num_cpu_devices", options.host_devices or cli.usable_cores())
    how = {"strategy": options.strategy, "names": options.name, "folder": options.folder}
    print(store.export(analyse(options.workdir, options.probe, **how), output))
