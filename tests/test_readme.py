"""README.md is a program: its python blocks run, its shell commands run in smoke form, its extras and targets exist.

Blocks tagged ``python`` run in order in one namespace (a block with ``>>>`` as a doctest) in an empty folder. Each line
of a block tagged ``sh`` must be of a kind known here: ``make`` needs its targets, ``pip install`` its extras, ``python
scripts/...`` runs with the config's variant ``smoke``, every axis cut to two values and the folder redirected; ``git``
and ``cd`` are not run. What must not be run belongs in a block tagged ``text``.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = ("cd", "git")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [body for tag, body in FENCE.findall(text) if tag == language]


def commands(text: str) -> list[str]:
    """The lines of all ``sh`` blocks: continuations joined, ``&&`` split, prompts and comments removed."""
    joined = "".join(blocks(text, "sh")).replace("\\\n", " ").replace("&&", "\n")
    lines = (shlex.join(shlex.split(line.strip().removeprefix("$ "), comments=True)) for line in joined.splitlines())
    return [line for line in lines if line]


def cut(values: str) -> str:
    """Two values of an axis: ``0:10`` -> ``0:2``, ``2,4,8`` -> ``2,4``."""
    if span := re.fullmatch(r"(-?\d+):(-?\d+)", values):
        start, stop = int(span[1]), int(span[2])
        return f"{start}:{min(stop, start + 2)}"
    return ",".join(values.split(",")[:2])


def smoke_form(line: str, folder: Path) -> list[str]:
    """The arguments of a ``python scripts/...`` line in its smallest form. The same workdir stays the same workdir."""
    arguments: list[str] = []
    for word in shlex.split(line)[1:]:
        flag, equals, value = word.partition("=")
        if arguments and arguments[-1] in ("--config", "--workdir", "--axis"):
            flag, equals, value = arguments.pop(), "=", word
        if equals and flag == "--config":
            value = value.split(":")[0] + ":smoke"
        elif equals and flag == "--workdir":
            value = str(folder / value.strip("/").replace("/", "-"))
        elif equals and flag == "--axis":
            name, _, values = value.partition("=")
            value = f"{name}={cut(values)}"
        arguments.append(f"{flag}{equals}{value}")
    return [sys.executable, *arguments]


def targets(makefile: str) -> set[str]:
    """The targets that a user may call."""
    return set(re.findall(r"^([a-z][\w-]*):(?!=)", makefile, re.MULTILINE))


def fault(line: str, makefile: str, extras: set[str]) -> str | None:
    """What is wrong with a command that is not run; ``None`` for one that is fine or that runs."""
    program, *words = shlex.split(line)
    if program == "make":
        named = [word for word in words if "=" not in word and not word.startswith("-")]
        unknown = set(named) - targets(makefile)
        return f"no such target: {sorted(unknown)}" if unknown else None
    if program == "pip" and words[:1] == ["install"]:
        asked = {extra for word in words for found in re.findall(r"\[(.*)\]", word) for extra in found.split(",")}
        return f"no such extra: {sorted(asked - extras)}" if asked - extras else None
    if program == "python" and words and words[0].startswith("scripts/"):
        return None
    return None if program in NOT_RUN else "a kind of command that this test does not know; tag the block `text`"


def run_python(text: str) -> None:
    """Runs the ``python`` blocks of a text in order; raises what they raise, or AssertionError for a wrong output."""
    namespace: dict[str, object] = {"__name__": "readme"}
    for number, body in enumerate(blocks(text, "python")):
        if named := re.match(r"# (\w+\.py)\n", body):  # a file of the user's own, for the blocks that follow
            Path(named[1]).write_text(body, encoding="utf-8")
            continue
        if ">>>" not in body:
            exec(compile(body, f"README.md, python block {number}", "exec"), namespace)
            continue
        test = doctest.DocTestParser().get_doctest(body, namespace, f"python block {number}", "README.md", 0)
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        runner.run(test, out=report.append, clear_globs=False)
        assert not runner.failures, "".join(report)
        namespace = test.globs


@pytest.fixture
def readme() -> str:
    return README.read_text(encoding="utf-8")


def test_the_readme_has_blocks_to_run(readme):
    assert blocks(readme, "python"), "README.md shows no python"
    lines = commands(readme)
    assert any(line.startswith("make ") for line in lines), "README.md shows no make command"
    assert any(line.startswith("python scripts/") for line in lines), "README.md runs no script"


def test_every_fence_names_its_language(readme):
    """An untagged block would be neither run nor declared as text."""
    opening = [line for line in readme.splitlines() if line.startswith("```")][::2]
    assert [line for line in opening if line == "```"] == []


def test_pictures_and_links_are_there(readme):
    places = re.findall(r"\]\((?!https?:)([^)#]+)", readme)
    assert any(place.endswith(".png") for place in places)
    assert [place for place in places if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("page", ["README.md", "docs/adding.md"])
def test_the_python_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    # Examples load configs by name, as a user in the checkout would.
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.syspath_prepend(str(tmp_path))
    run_python((ROOT / page).read_text(encoding="utf-8"))


def test_the_commands_exist(readme):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    makefile, extras = (ROOT / "Makefile").read_text(encoding="utf-8"), set(project["optional-dependencies"])
    faults = {line: found for line in commands(readme) if (found := fault(line, makefile, extras))}
    assert not faults


def test_the_scripts_run_in_smoke_form(readme, tmp_path):
    for line in commands(readme):
        if line.startswith("python "):
            done = subprocess.run(
                smoke_form(line, tmp_path), cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=300
            )
            assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


SAMPLE = """
```sh
git clone https://example.org/gendyn && cd gendyn
$ make demo WORKDIR=runs/x   # six minutes
python scripts/sweep.py --config=configs/a.py:cifar10 \\
    --axis model.width=2,4,8 --axis seed=0:10 --workdir=runs/x
```
```text
sbatch never.sh
```
```python
x = 1
```
```python
>>> x + 1
2
```
"""


def test_commands_are_read_as_a_shell_would():
    lines = commands(SAMPLE)
    assert [line.split()[0] for line in lines] == ["git", "cd", "make", "python"]
    assert lines[2] == "make demo WORKDIR=runs/x"
    assert not any("sbatch" in line for line in lines)


def test_smoke_form(tmp_path):
    assert smoke_form(commands(SAMPLE)[3], tmp_path)[1:] == [
        "scripts/sweep.py",
        "--config=configs/a.py:smoke",
        "--axis=model.width=2,4",
        "--axis=seed=0:2",
        f"--workdir={tmp_path / 'runs-x'}",
    ]
    report = smoke_form("python scripts/report.py --workdir runs/x", tmp_path)
    assert report[2] == f"--workdir={tmp_path / 'runs-x'}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("make demo", None),
        ("make demos", "no such target"),
        ("pip install -e .[cuda]", None),
        ("pip install -e .[cuda,gpu]", "no such extra: ['gpu']"),
        ("conda install gendyn", "does not know"),
        ("python -c pass", "does not know"),
    ],
)
def test_faults_of_commands_are_found(line, expected):
    found = fault(line, "demo: env\nVENV := x\n", {"cuda"})
    assert found is None if expected is None else expected in found


def test_python_blocks_share_a_namespace_and_wrong_output_is_found():
    run_python(SAMPLE)
    with pytest.raises(AssertionError, match="Expected:"):
        run_python(SAMPLE.replace("\n2\n", "\n3\n"))
    with pytest.raises(ZeroDivisionError):
        run_python("```python\n1 / 0\n```\n")
