"""Writes the records of a sweep for other tools: a table, or TensorBoard's files.

    gendyn export --workdir=runs/demo --output=demo.csv
    gendyn export --workdir=runs/demo --tensorboard=logs

The table has a row for each run and record (.csv, .parquet or .jsonl); its columns are the axes and the metrics.
--tensorboard needs tensorboardX, and a folder without files. Several folders, --workdir=a --workdir=b,
become one table. The sweep may still be running: what is committed is written.
"""

from collections.abc import Sequence

from absl import flags

from gendyn import store
from gendyn.core import ConfigError


def define(argv: Sequence[str]) -> list[str]:
    """Declares the options."""
    flags.DEFINE_multi_string("workdir", [], "Folder of a sweep; repeatable.")
    flags.DEFINE_string("output", "", "The table: a file ending in .csv, .parquet or .jsonl.")
    flags.DEFINE_string("tensorboard", "", "A new folder for TensorBoard's event files, one folder a run.")
    return list(argv)


def main(argv: Sequence[str]) -> None:
    """Writes what was asked for."""
    options = flags.FLAGS
    if len(argv) > 1:
        raise ConfigError(f"unexpected argument {argv[1]!r}: options are written --name=value.")
    if not options.workdir:
        raise ConfigError("--workdir is missing: name the folder of a sweep, such as --workdir=runs/demo.")
    if not options.output and not options.tensorboard:
        raise ConfigError(
            "--output is missing: name a file ending in .csv, .parquet or .jsonl, or --tensorboard=<folder>."
        )
    if options.output:
        store.check_table_path(options.output)
    ds = store.open(options.workdir[0]) if len(options.workdir) == 1 else store.merge(options.workdir)
    if options.output:
        print(store.export(ds, options.output))
    if options.tensorboard:
        print(store.export_tensorboard(ds, options.tensorboard))
