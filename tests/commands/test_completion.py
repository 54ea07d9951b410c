"""``gendyn completion``: the table holds what the commands take, and three shells complete from it."""

import shutil
import subprocess

import pytest
from absl import flags

from gendyn.commands import _main, _tables, completion
from gendyn.commands._shells import LEAF, SHELLS
from gendyn.commands._words import table
from gendyn.core import ConfigError
from gendyn.sweep.config_files import carried_files, load_config
from tests.commands.typed import typed

SHOW = "gendyn() { printf '<%s>' \"$@\"; echo; }"
# What is typed, with a tab where the shell shall complete -> the words that the command is given.
TYPED = {
    "gendyn sw\t": "<sweep>",
    "gendyn sweep --config=grokking:sm\t--plan\t": "<sweep><--config=grokking:smoke><--plan_only>",
    "gendyn sweep --config grokking_li\t": "<sweep><--config><grokking_linear>",
    "gendyn list opt\trms\t": "<list><optimizers><rmsprop>",
    "gendyn sweep --config.optim.moment\t0.9": "<sweep><--config.optim.momentum=0.9>",
    "gendyn sweep --config.model.name=trans\t": "<sweep><--config.model.name=transformer>",
    "gendyn sweep --axis see\t0:3 --ax\tmodel.wid\t3": "<sweep><--axis><seed=0:3><--axis=model.width=3>",
    "gendyn status ru\t": "<status><runs/>",
    "gendyn report --workdir=ru\tde\t": "<report><--workdir=runs/demo/>",
    # No word of another line: a path with a space is left to the shell.
    "gendyn forget --workdir 'my fo\t": "<forget><--workdir><my folder/>",
}


@pytest.fixture(scope="module")
def words():
    return table()


@pytest.fixture
def folder(tmp_path):
    """With a folder of a sweep in it."""
    (tmp_path / "runs" / "demo").mkdir(parents=True)
    (tmp_path / "folder").mkdir()
    (tmp_path / "my folder").mkdir()
    return tmp_path


@pytest.fixture
def script(words, tmp_path_factory):
    def write(shell):
        path = tmp_path_factory.mktemp("scripts") / "gendyn"
        path.write_text(SHELLS[shell](words))
        return path

    return write


def program(name):
    """The shell; without it nothing can be said about its script."""
    return shutil.which(name) or pytest.skip(f"{name} is not installed: its completion script is not tested")


def test_the_table_holds_every_command_option_name_and_leaf(words):
    assert words["", ""] == (*_main.names(), "--help", "--version")
    assert words["forget", ""] == ("--axis=", "--plan_only", "--workdir=", "--help")
    assert words["analyse", "--strategy"] == ("map", "vmap") and words["status", "--workdir"] == ()
    for kind, about in _tables.KINDS.items():
        assert words["list", kind] == words["sweep", f"{LEAF}{about.leaf}"] == tuple(about.names())
    for name in carried_files():
        assert {name, f"{name}:smoke"} <= set(words["sweep", "--config"])
    leaves = {name for name, *_ in _tables.leaves()} | {
        "optim.momentum",
        "filter.window",
        "task.modulus",
        "num_examples",
    }
    assert {f"{name}=" for name in leaves} <= set(words["forget", "--axis"])
    assert {f"{LEAF}{name}=" for name in leaves} <= set(words["sweep", LEAF])


def test_every_config_that_is_named_is_there(words):
    for name in words["sweep", "--config"]:
        assert load_config(name).experiment == name.partition(":")[0]


def test_the_options_are_not_left_behind(words):
    before = set(flags.FLAGS)
    assert table() == words
    assert set(flags.FLAGS) == before


@pytest.mark.parametrize(
    ("line", "breaks", "expected"),
    [
        ("gendyn ", "=:", [*_main.names(), "--help", "--version"]),
        ("gendyn completion ", "=:", ["bash", "zsh", "fish"]),
        ("gendyn sweep --config=grokking:s", "=:", ["smoke"]),
        ("gendyn sweep --config=grokking:s", "=", ["grokking:smoke"]),
        ("gendyn sweep --config=grokking:s", "", ["--config=grokking:smoke"]),
        ("gendyn sweep --config grokking:s", "=:", ["smoke"]),
        ("gendyn sweep --axis seed=0:2 --axis arm", "=:", ["arm=", "arms="]),
        ("gendyn sweep --axis seed=0:2 --q", "=:", ["--quiet"]),
        ("gendyn report --workdir=runs/d", "=:", ["runs/demo"]),
        ("gendyn report --workdir=runs/d", "", ["--workdir=runs/demo"]),
        ("gendyn sweep --nothing=x", "=:", []),
    ],
)
def test_bash_is_offered(script, line, breaks, expected, folder):
    """Wherever readline cuts words: a user may have changed that."""
    call = '. "$1"; COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDBREAKS=$3; _gendyn; printf "%s\\n" "${COMPREPLY[@]}"'
    words = [program("bash"), "--norc", "-c", call, "bash", str(script("bash")), line, breaks]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout.split(), done.stderr) == (expected, "")


def test_bash_completes_at_a_terminal(script, folder):
    said = typed([program("bash"), "--norc", "--noprofile"], [f". {script('bash')}; {SHOW}", *TYPED], folder)
    assert [line for line in said if line.endswith(">") and "<" in line and "printf" not in line] == [*TYPED.values()]


@pytest.mark.parametrize("way", ["read", "found"])
def test_zsh_completes_at_a_terminal(script, folder, way):
    """Its script is read after ``compinit``, or found by it."""
    path = script("zsh")
    path = path.rename(path.with_name("_gendyn"))
    begin = "autoload -U compinit; compinit -D -u"
    begin = f"{begin}; . {path}" if way == "read" else f"fpath=({path.parent} $fpath); {begin}"
    said = typed([program("zsh"), "-f"], [f"{begin}; {SHOW}; setopt no_auto_remove_slash", *TYPED], folder)
    assert [line for line in said if line.startswith("<")] == [*TYPED.values()]


def test_fish_is_offered(script, folder):
    lines = {
        "gendyn sw": ["sweep"],
        "gendyn sweep --config=grokking:sm": ["--config=grokking:smoke"],
        "gendyn sweep --config grokking:sm": ["grokking:smoke"],
        "gendyn list optimizers rms": ["rmsprop"],
        "gendyn sweep --config.optim.moment": ["--config.optim.momentum="],
        "gendyn sweep --axis arm": ["arm=", "arms="],
        "gendyn status ru": ["runs/"],
        "gendyn report --workdir=runs/d": ["--workdir=runs/demo/"],
    }
    for line, expected in lines.items():
        words = [program("fish"), "-N", "-c", f"source {script('fish')}; complete -C '{line}'"]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
        assert [found.partition("\t")[0] for found in done.stdout.splitlines()] == expected, line


def test_the_command_prints_a_script(words, capsys):
    completion.main(["completion", "fish"])
    assert capsys.readouterr().out == SHELLS["fish"](words)


@pytest.mark.parametrize(
    ("given", "match"),
    [([], "needs one shell: bash, zsh, fish"), (["bsh"], "Did you mean 'bash'"), (["bash", "zsh"], "needs one shell")],
)
def test_another_shell_is_refused(given, match):
    with pytest.raises(ConfigError, match=match):
        completion.main(["completion", *given])
