"""docs/own_project.md runs from top to bottom in an empty folder, with gendyn installed from its wheel."""

import re
import shlex

import pandas

from gendyn import __version__, store
from tests.commands.installed import call, install

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_runs_from_an_installed_wheel(root, tmp_path):
    commands, folder = install(root, tmp_path / "installed"), tmp_path / "my_project"
    folder.mkdir()
    assert call(commands, ["gendyn", "--version"], folder).stdout.strip() == __version__
    blocks = FENCE.findall((root / "docs" / "own_project.md").read_text(encoding="utf-8"))
    assert [tag for tag, _ in blocks].count("python") == 9
    said = ""
    for tag, body in blocks:
        if tag == "sh":
            said += "".join(call(commands, shlex.split(line), folder).stdout for line in body.splitlines())
        elif named := re.match(r"# (\w+\.py)\n", body):
            (folder / named[1]).write_text(body, encoding="utf-8")
        elif tag == "python":
            where = 'import gendyn\nassert "site-packages" in gendyn.__file__\n'
            call(commands, ["python", "-c", where + body], folder)
    assert "optim.momentum" in said and "data.label_noise" in said  # gendyn list
    assert re.search(r"runs/moons +my_experiment:my_experiment +4 +4 +0 +0 +100 %", said)  # gendyn status
    assert "4 runs of 20 steps" in said
    report = (folder / "runs/moons/report/report.html").read_text(encoding="utf-8")
    assert "The filter lowers the training loss." in report and "gendyn sweep --config=my_config:smoke" in report
    records = store.open(folder / "runs/moons")["train_loss"].values.ravel()
    assert pandas.read_csv(folder / "moons.csv")["train_loss"].astype("float32").tolist() == records.tolist()
    assert store.open(folder / "runs/first").attrs["config"].count('"name": "sgd"') == 1
