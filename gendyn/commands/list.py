"""Lists what a config may name, and its leaves.

    gendyn list models
    gendyn list optimizers sgd
    gendyn list leaves --config=grokking
    gendyn list --page=docs/names.md

Kinds: models, tasks, optimizers, filters, projections, losses, probes, experiments, each with one sentence; and leaves,
each with its value, its kind and its meaning. With a name, such as sgd: what that one takes. The value of a leaf is its
default, or that of --config. Its kind says how it may vary as an axis of a sweep: traced, an array inside one program;
static, a program for each value; size, a shape that runs share by padding; sample, what a run sees of the data;
execution and label, no part of what is computed. --page writes all of it but the configs into one Markdown file.
"""

from collections.abc import Sequence

from absl import flags

from gendyn.commands._columns import as_text
from gendyn.commands._names_page import write_names_page
from gendyn.commands._tables import KINDS, arguments, leaves, things
from gendyn.core import ConfigError, check_choice
from gendyn.sweep import cli


def define(argv: Sequence[str]) -> list[str]:
    flags.DEFINE_string("config", "", "Of `gendyn list leaves`: the config whose leaves are listed.")
    flags.DEFINE_string("page", "", "A Markdown file that gets every kind, without another word.")
    return list(argv)


def main(argv: Sequence[str]) -> None:
    kinds = (*KINDS, "leaves")
    if flags.FLAGS.page:
        if len(argv) > 1 or flags.FLAGS.config:
            raise ConfigError("--page stands alone: gendyn list --page=docs/names.md.")
        print(write_names_page(flags.FLAGS.page))
        return
    if len(argv) < 2:
        raise ConfigError(f"gendyn list needs a kind: one of {', '.join(kinds)}.")
    kind, given = argv[1], argv[2:]
    check_choice("gendyn list", kind, kinds)
    config = flags.FLAGS.config
    if len(given) > 1 or (kind == "leaves" and given):
        raise ConfigError(f"unexpected argument {given[-1]!r}: write gendyn list <kind>, or gendyn list <kind> <name>.")
    if config and kind != "leaves":
        raise ConfigError("--config goes with `gendyn list leaves` alone.")
    if kind == "leaves":
        rows = leaves(cli.load_config(config) if config else None)
    else:
        rows = arguments(kind, given[0]) if given else things(kind)
    print(as_text(rows) if rows else "  takes no arguments")
