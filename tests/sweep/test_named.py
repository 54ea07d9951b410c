"""What a caller gives as an object has a name in the config, by which a folder finds it again."""

import importlib
import json
import sys
from functools import partial

import numpy as np
import pytest

import gendyn.sweep
from gendyn.core import ConfigError
from gendyn.models import mlp
from gendyn.optim import sgd
from gendyn.sweep.config import flatten
from gendyn.sweep.config.axes import normalise
from gendyn.tasks import digits, from_arrays

OWN = """from gendyn.models import mlp

def mine(*, num_outputs: int, width: int = 4):
    return mlp(num_outputs=num_outputs, width=width, depth=1)
"""


def test_functions_of_modules_are_their_names(tmp_path, monkeypatch):
    (tmp_path / "own_model.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    own = importlib.import_module("own_model").mine
    config = gendyn.sweep.base_config(task=digits, model=own, optim=sgd)
    named = gendyn.sweep.base_config(task="digits", model="own_model:mine", optim="sgd")
    assert flatten(config) == flatten(named)
    assert normalise({"model.name": (mlp, own, "cnn")}) == (("model.name", ("mlp", "own_model:mine", "cnn")),)


def here():
    """Of this file, which no other process imports under the name it has here."""


@pytest.mark.parametrize(
    ("section", "given", "match"),
    [
        (
            "model",
            lambda: None,
            r"model = <lambda> of .* cannot be found again by another process.*'my_model:f'",
        ),
        ("model", partial(mlp, depth=1), r"model = partial object: give a name.*gendyn/models/ or 'module:object'"),
        ("task", {"x": 1}, r"task = dict object: give a Task or a name"),
        ("optim", 3, r"optim = int object"),
        (
            "filter",
            here,
            r"filter = here of __main__ cannot be found again.*%%writefile my_filter\.py.*'my_filter:here'",
        ),
    ],
)
def test_what_no_other_process_finds_is_refused(section, given, match, monkeypatch):
    monkeypatch.setattr(here, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "here", here, raising=False)
    with pytest.raises(ConfigError, match=match):
        gendyn.sweep.base_config(**{section: given})


def test_a_task_of_arrays_trains_goes_on_and_is_measured(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 3)), np.arange(30) % 2

    def extend(seeds, x):
        config = gendyn.sweep.base_config(task=from_arrays(x, y, num_test=10), model="mlp", optim="sgd")
        config.model.update({"width": 2, "depth": 1})
        config.train.num_steps = 2
        config.sweep.strategy = "map"
        return gendyn.sweep.run(config, axes={"seed": seeds}, workdir=tmp_path / "s", quiet=True)

    first = extend((0,), x)
    ds = extend((0, 1), x.copy())
    assert ds.sizes["run"] == 2
    np.testing.assert_array_equal(ds["test_loss"].values[:1], first["test_loss"].values)
    found = gendyn.sweep.analyse(tmp_path / "s", ("parameter_norm",))
    np.testing.assert_allclose(found["test_loss"].values[:, 0], ds["test_loss"].values[:, -1], rtol=1e-5)
    with pytest.raises(ConfigError, match=r"workdir holds the results of another sweep: config\.task\.name"):
        extend((0, 1), x + rng.normal(size=x.shape))
    # Another process, which was given nothing.
    name = json.loads(ds.attrs["config"])["task"]["name"]
    importlib.import_module("gendyn.tasks._held")._HELD.clear()
    with pytest.raises(ConfigError, match="this process has no task of that checksum"):
        gendyn.sweep.analyse(tmp_path / "s", ("parameter_norm",), names=(name,))
