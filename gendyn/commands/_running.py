"""A command as a process: its options read by absl, its faults one line, its exit status."""

import functools
import os
import signal
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from absl import app, flags, logging

from gendyn.commands._columns import as_text
from gendyn.core import ConfigError, RunError, StoreError, complain, fill_closed_descriptors, one_line

HELP = ("--help", "-help", "-h", "-?", "--helpshort", "-helpshort")


def run(command: ModuleType, words: Sequence[str]) -> NoReturn:
    """Runs a command: a module with ``define(argv) -> argv``, which declares its options, and ``main(argv)``.

    Ends the process: 0 done, 1 some runs raised or a results folder failed, 2 bad input, 130 stopped by Ctrl-C, 141
    nobody reads the output any more (as behind ``| head``), 143 stopped by SIGTERM. Bad input and failing folders are
    one line, no traceback.

    Args:
        command: the module. ``define`` may take words out of the command line, such as ``--config``; it returns what
            absl is to read. ``describe(argv)``, where it has one, adds to ``--help``.
        words: the options.
    """
    fill_closed_descriptors()
    logging.set_verbosity(logging.WARNING)  # absl would print JAX's notes on absent accelerators; --verbosity=0 does
    try:
        try:
            app.run(command.main, argv=[sys.argv[0], *words], flags_parser=functools.partial(_parse, command))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
        sys.exit(128 + signal.SIGPIPE)
    except ConfigError as error:
        sys.exit(_fail(error, 2))
    except (RunError, StoreError) as error:
        sys.exit(_fail(error, 1))
    except KeyboardInterrupt as error:
        complain(str(error) or "stopped; what was committed is safe, and the same command goes on")
        sys.exit(128 + getattr(error, "number", signal.SIGINT))
    sys.exit(0)


def _parse(command: ModuleType, argv: Sequence[str]) -> list[str]:
    """Absl's parser, with one clear line for what it answers by a traceback or a page of usage."""
    flags.FLAGS.set_gnu_getopt()  # options may stand behind other words
    asked = [word for word in argv[1:] if word in HELP]
    argv = command.define([word for word in argv if word not in asked])
    if asked:
        print(_usage(command, argv))
        sys.exit(0)
    try:
        return list(flags.FLAGS(argv))
    except (flags.Error, ValueError, TypeError) as error:
        raise ConfigError(f"{one_line(error)} See --help.") from error


def _usage(command: ModuleType, argv: Sequence[str]) -> str:
    options = [(f"--{flag.name}", flag.help or "") for flag in flags.FLAGS.get_flags_for_module(command.__name__)]
    parts = [(command.__doc__ or "").strip(), "Options:\n" + as_text(sorted(options))]
    if hasattr(command, "describe"):
        parts.append(command.describe(argv))
    return "\n\n".join(part for part in parts if part)


def _fail(error: Exception, status: int) -> int:
    complain(f"error: {one_line(error)}")
    return status
