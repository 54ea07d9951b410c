"""Prints a script that lets a shell complete commands, options, configs and leaves.

    eval "$(gendyn completion bash)"
    gendyn completion bash > ~/.local/share/bash-completion/completions/gendyn
    gendyn completion zsh > "${fpath[1]}/_gendyn"
    gendyn completion fish > ~/.config/fish/completions/gendyn.fish

The script holds the names of this version of gendyn, so that completing starts no Python: print it again after an
upgrade. What it does not know, such as a folder or a config of your own, is completed as a path.
"""

from collections.abc import Sequence

from gendyn.commands._shells import SHELLS
from gendyn.commands._words import table
from gendyn.core import ConfigError, check_choice


def define(argv: Sequence[str]) -> list[str]:
    """There are no options."""
    return list(argv)


def main(argv: Sequence[str]) -> None:
    """Prints the script."""
    if len(argv) != 2:
        raise ConfigError(f"gendyn completion needs one shell: {', '.join(SHELLS)}.")
    check_choice("gendyn completion", argv[1], SHELLS)
    print(SHELLS[argv[1]](table()), end="")
