"""Runs or resumes an experiment, or a plain sweep.

    python scripts/sweep.py --config=configs/double_descent/model_wise_double_descent.py:smoke --workdir=runs/smoke
    python scripts/sweep.py --config=… --config.model.depth=2 --axis model.width=2,4,8 --axis seed=0:10 --workdir=…
    python scripts/sweep.py --config=… --plan_only

The same command again goes on from the last commit; with more axis values it adds the new runs. Exit status: 0 done,
1 the results folder failed (what was committed is safe), 2 bad input, 130 stopped by Ctrl-C, 143 by SIGTERM. A signal
commits what is there first; a second one ends at once.
"""

import signal
import sys
from collections.abc import Sequence

import jax
from absl import app, flags, logging
from ml_collections import config_flags

from gendyn.core import ConfigError, StoreError
from gendyn.experiments import launch, plan
from gendyn.sweep import cli
from gendyn.sweep.config import parse

_CONFIG = config_flags.DEFINE_config_file(
    "config", lock_config=True, help_string="configs/<family>/<experiment>.py[:variant]"
)
_WORKDIR = flags.DEFINE_string("workdir", "", "Results folder; made if it does not exist.")
_AXIS = flags.DEFINE_multi_string("axis", [], "leaf=a,b,c or leaf=start:stop; repeatable; replaces the config's axes.")
_ZIP = flags.DEFINE_multi_string("zip_axes", [], "leaf,leaf: axes that advance together; repeatable.")
_PLAN_ONLY = flags.DEFINE_bool("plan_only", False, "Print the plan and stop.")
_QUIET = flags.DEFINE_bool("quiet", False, "No progress.")
_HOST_DEVICES = flags.DEFINE_integer(
    "host_devices", 0, "CPU devices to make of this host; 0 is one a core.", lower_bound=0
)


def main(argv: Sequence[str]) -> None:
    if len(argv) > 1:
        raise ConfigError(f"unexpected argument {argv[1]!r}: options are written --name=value.")
    config = _CONFIG.value
    if config is None:
        raise ConfigError(cli.missing_config())
    if not _WORKDIR.value and not _PLAN_ONLY.value:
        raise ConfigError("--workdir is missing: name a folder for the results, such as --workdir=runs/first.")
    jax.config.update("jax_num_cpu_devices", _HOST_DEVICES.value or cli.usable_cores())
    overrides = config_flags.get_override_values(flags.FLAGS["config"])
    axes = [parse(text) for text in _AXIS.value] or None
    zips = tuple(tuple(name.strip() for name in text.split(",")) for text in _ZIP.value) or None
    cli.check_not_varied(overrides, axes or config.get("axes", ()))
    cli.drop_replaced(config, overrides)
    if _PLAN_ONLY.value:
        cli.show(plan(config, axes=axes, zip_axes=zips, workdir=_WORKDIR.value or None).summary())
    else:
        launch(config, _WORKDIR.value, axes=axes, zip_axes=zips, overrides=overrides, quiet=_QUIET.value)


def parse_flags(argv: Sequence[str]) -> list[str]:
    """Absl's parser, with one clear line for what it answers by a traceback or a page of usage."""
    cli.check_overrides(argv)
    try:
        return flags.FLAGS(argv)
    except (flags.Error, ValueError, TypeError) as error:
        raise ConfigError(f"{cli.one_line(error)} See --help.") from error


def run_main() -> None:
    """``main`` with bad input and failing folders as one line, not a traceback."""
    cli.fill_closed_descriptors()
    logging.set_verbosity(logging.WARNING)  # absl would print JAX's notes on absent accelerators; --verbosity=0 does
    try:
        app.run(main, flags_parser=parse_flags)
    except ConfigError as error:
        sys.exit(_fail(error, 2))
    except StoreError as error:
        sys.exit(_fail(error, 1))
    except KeyboardInterrupt as error:
        cli.complain(str(error) or "stopped; what was committed is safe, and the same command goes on")
        sys.exit(128 + getattr(error, "number", signal.SIGINT))


def _fail(error: Exception, status: int) -> int:
    cli.complain(f"error: {cli.one_line(error)}")
    return status


if __name__ == "__main__":
    run_main()
