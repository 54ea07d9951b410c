"""``gendyn export``: a table or TensorBoard's files; what is missing is said before anything is read."""

import pandas
import pytest
from absl import flags

from gendyn import store
from gendyn.commands import export
from gendyn.core import ConfigError


@pytest.fixture
def call(monkeypatch):
    def run(*words):
        values = flags.FlagValues()
        flags.DEFINE_multi_string("workdir", [], "", flag_values=values)
        flags.DEFINE_string("output", "", "", flag_values=values)
        flags.DEFINE_string("tensorboard", "", "", flag_values=values)
        monkeypatch.setattr(flags, "FLAGS", values)
        export.main(values(["export", *words]))

    return run


def test_the_table_is_written_and_its_path_printed(call, finished, tmp_path, capsys):
    folder, ds = finished("random_labels")
    path = tmp_path / "records.csv"
    call(f"--workdir={folder}", f"--output={path}")
    assert capsys.readouterr().out.strip() == str(path)
    table = pandas.read_csv(path)
    assert len(table) == ds["train_loss"].size and {"seed", "data.label_noise", "test_error"} <= set(table)


def test_tensorboard_is_asked_of_the_store(call, finished, tmp_path, capsys, monkeypatch):
    folder, ds = finished("random_labels")
    monkeypatch.setattr(store, "export_tensorboard", lambda given, path: path if given.equals(ds) else None)
    call(f"--workdir={folder}", f"--tensorboard={tmp_path}")
    assert capsys.readouterr().out.strip() == str(tmp_path)


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--output=a.csv"], "--workdir is missing"),
        (["--workdir=nothing"], "--output is missing: name a file ending in"),
        (["--workdir=nothing", "--output=a.xlsx"], "must end in .parquet or .csv or .jsonl"),
        (["--workdir=nothing", "--output=a.csv"], "is no folder"),
        (["nothing"], "unexpected argument 'nothing'"),
    ],
)
def test_bad_input_is_named(call, words, match, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=match):
        call(*words)
