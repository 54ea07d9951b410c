"""Deletes the results of chosen runs from a sweep's folder, so that they can be done again.

    gendyn forget --workdir=runs/demo --axis seed=0,2
    gendyn forget --workdir=runs/demo --axis model.width=64 --axis seed=0:10 --plan_only

A run is chosen if it has one of the values on each axis that is given. All others keep their results, to the bit.
Nobody may be running the sweep. Exit status: 0 done, 1 the folder is damaged, in use or failed, 2 bad input.
"""

from collections.abc import Sequence

from absl import flags

from gendyn import store
from gendyn.core import ConfigError
from gendyn.sweep import forget
from gendyn.sweep.config import normalise, parse


def define(argv: Sequence[str]) -> list[str]:
    """Declares the options."""
    flags.DEFINE_string("workdir", "", "Folder of a sweep.")
    flags.DEFINE_multi_string("axis", [], "leaf=a,b,c or leaf=start:stop: of the runs to forget; repeatable.")
    flags.DEFINE_bool("plan_only", False, "Say how many runs would be forgotten, and stop.")
    return list(argv)


def main(argv: Sequence[str]) -> None:
    """Forgets, and says how many runs."""
    options = flags.FLAGS
    if len(argv) > 1:
        raise ConfigError(f"unexpected argument {argv[1]!r}: options are written --name=value.")
    if not options.workdir:
        raise ConfigError("--workdir is missing: name the folder of a sweep, such as --workdir=runs/demo.")
    if not options.axis:
        raise ConfigError(
            "--axis is missing: say which runs, such as --axis seed=0,2. To forget all, delete the folder."
        )
    where = dict(normalise([parse(text) for text in options.axis]))
    count = forget(options.workdir, where, plan_only=options.plan_only)
    planned = sum(len(chunk["runs"]) for chunk in store.read_plan(options.workdir)["chunks"])
    if options.plan_only:
        print(f"would forget {count:,} of {planned:,} runs")
    else:
        print(f"forgot {count:,} of {count + planned:,} runs; the same sweep command does them again")
