"""Runs or resumes an experiment, or a plain sweep.

    gendyn sweep --config=model_wise_double_descent:smoke --workdir=runs/smoke
    gendyn sweep --config=configs/grokking/grokking.py --config.model.width=64 --axis seed=0:10 --workdir=…
    gendyn sweep --config=… --config.optim.name=sgd --config.optim.momentum=0.9 --workdir=…
    gendyn sweep --config=… --plan_only

A config is a file or the name of an experiment; a file in this folder, or in its ``configs``, wins over that of gendyn.
The same command again goes on from the last commit; with more axis values it adds the new runs. Exit status: 0 done,
1 some runs raised or the results folder failed (what was committed is safe), 2 bad input, 130 stopped by Ctrl-C, 143 by
SIGTERM. A signal commits what is there first; a second one ends at once.
"""

from collections.abc import Sequence

import jax
from absl import flags
from ml_collections import config_flags

from gendyn.commands._columns import as_text
from gendyn.commands._tables import leaves
from gendyn.core import ConfigError, show
from gendyn.experiments import launch, plan
from gendyn.sweep import cli
from gendyn.sweep.config import parse


def define(argv: Sequence[str]) -> list[str]:
    """Declares the options; the config of ``--config`` becomes the flag itself, and an option of each leaf given."""
    flags.DEFINE_string("workdir", "", "Results folder; made if it does not exist.")
    flags.DEFINE_multi_string("axis", [], "leaf=a,b,c or leaf=start:stop; repeatable; replaces the config's axes.")
    flags.DEFINE_multi_string("zip_axes", [], "leaf,leaf: axes that advance together; repeatable.")
    flags.DEFINE_bool("plan_only", False, "Print the plan and stop.")
    flags.DEFINE_bool("quiet", False, "No progress.")
    flags.DEFINE_integer("host_devices", 0, "CPU devices to make of this host; 0 is one a core.", lower_bound=0)
    config, rest = cli.read_config(argv)
    about = "<file>.py[:variant] or <experiment>[:variant]; --config.<leaf>=<value> changes a leaf."
    if config is None:
        flags.DEFINE_string("config", None, about)
    else:
        config_flags.DEFINE_config_dict("config", config, about, lock_config=True, sys_argv=rest)
    return rest


def main(argv: Sequence[str]) -> None:
    if len(argv) > 1:
        raise ConfigError(f"unexpected argument {argv[1]!r}: options are written --name=value.")
    options = flags.FLAGS
    config = options.config
    if config is None:
        raise ConfigError(cli.missing_config())
    if not options.workdir and not options.plan_only:
        raise ConfigError("--workdir is missing: name a folder for the results, such as --workdir=runs/first.")
    jax.config.update("jax_num_cpu_devices", options.host_devices or cli.usable_cores())
    overrides = config_flags.get_override_values(options["config"])
    axes = [parse(text) for text in options.axis] or None
    zips = tuple(tuple(name.strip() for name in text.split(",")) for text in options.zip_axes) or None
    cli.check_not_varied(overrides, axes or config.get("axes", ()))
    if options.plan_only:
        show(plan(config, axes=axes, zip_axes=zips, workdir=options.workdir or None).summary())
    else:
        launch(config, options.workdir, axes=axes, zip_axes=zips, overrides=overrides, quiet=options.quiet)


def describe(argv: Sequence[str]) -> str:
    """The leaves of the config, or of a sweep, for ``--help``."""
    config = flags.FLAGS["config"].value
    return "Leaves, each --config.<leaf>=<value>:\n" + as_text(leaves(config))
