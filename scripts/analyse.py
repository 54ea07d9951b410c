"""Measures the saved networks of a sweep with any probe.

    python scripts/analyse.py --workdir=runs/demo --probe=weight_rank --probe="parameter_norm()"

Writes a table, a row a run (--output, .csv or .parquet), and changes nothing else. The sweep may still be running: each
run is measured at its newest checkpoint.
"""

import sys
from pathlib import Path

import jax
from absl import app, flags, logging

from gendyn.core import ConfigError, StoreError
from gendyn.sweep import analyse, cli

_WORKDIR = flags.DEFINE_string("workdir", "", "Folder of a sweep.")
_PROBE = flags.DEFINE_multi_string("probe", [], "A file of gendyn/probes/, with arguments if any; repeatable.")
_NAME = flags.DEFINE_multi_string("name", [], "Code of your own that the folder uses, module:object; repeatable.")
_OUTPUT = flags.DEFINE_string("output", "", "The table, .csv or .parquet; by default analysis.csv in the workdir.")
_STRATEGY = flags.DEFINE_enum("strategy", "map", ["map", "vmap"], "Runs one after another, or side by side.")
_HOST_DEVICES = flags.DEFINE_integer("host_devices", 0, "CPU devices to make of this host; 0 is one a core.", 0)


def main(_: list[str]) -> None:
    from gendyn import store

    try:
        if not _WORKDIR.value:
            raise ConfigError("--workdir is missing: name the folder of a sweep, such as --workdir=runs/demo.")
        if not _PROBE.value:
            raise ConfigError("--probe is missing: name a file of gendyn/probes/, such as --probe=parameter_norm.")
        output = Path(_OUTPUT.value or Path(_WORKDIR.value) / "analysis.csv")
        output = store.check_table_path(output)
        jax.config.update("jax_num_cpu_devices", _HOST_DEVICES.value or cli.usable_cores())
        path = store.export(analyse(_WORKDIR.value, _PROBE.value, strategy=_STRATEGY.value, names=_NAME.value), output)
    except ConfigError as error:
        sys.exit(_fail(error, 2))
    except StoreError as error:
        sys.exit(_fail(error, 1))
    print(path)


def _fail(error: Exception, status: int) -> int:
    cli.complain(f"error: {cli.one_line(error)}")
    return status


if __name__ == "__main__":
    logging.set_verbosity(logging.WARNING)
    app.run(main)
