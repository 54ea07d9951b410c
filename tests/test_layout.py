"""The architecture holds: every rule of tests/layout.py, on this tree and on small ones with a planted fault."""

from pathlib import Path

import pytest

from tests.layout import (
    HEIGHT,
    MAX_LINES,
    RULES,
    circle_faults,
    decomposition_faults,
    example_faults,
    export_faults,
    folder_faults,
    import_faults,
    init_faults,
    length_faults,
    name_faults,
    order_faults,
    path_faults,
    private_faults,
    untested_faults,
)

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("rule", RULES)
def test_the_tree_obeys(rule):
    faults = rule(ROOT)
    assert not faults, "\n".join(faults)


def test_every_room_of_the_house_that_exists_is_known():
    folders = {path.name for path in (ROOT / "gendyn").iterdir() if (path / "__init__.py").is_file()}
    assert folders <= set(HEIGHT)
    assert {"core", "models", "optim", "sweep"} <= folders


SOUND_TREE = {
    "gendyn/__init__.py": '"""A house."""\n',
    "gendyn/core/__init__.py": '"""Core."""\nfrom gendyn.core.base import base as base\n',
    "gendyn/core/base.py": "def base(): ...\n",
    "gendyn/models/__init__.py": '"""Models."""\nfrom gendyn.models.mlp import mlp as mlp\n',
    "gendyn/models/mlp.py": "def mlp(): ...\ndef example(): ...\n",
    "gendyn/optim/__init__.py": '"""Optim."""\nfrom gendyn.optim.optimizers.sgd import sgd as sgd\n',
    "gendyn/optim/_scale.py": "from gendyn.core import base\ndef scale(): ...\n",
    "gendyn/optim/schedules.py": "def linear(): ...\n",
    "gendyn/optim/optimizers/__init__.py": '"""Optimizers."""\n',
    "gendyn/optim/optimizers/sgd.py": (
        "from gendyn.optim._scale import scale\nROLE = 'optimizer'\ndef sgd(): ...\ndef example(): ...\n"
    ),
    "gendyn/measure/__init__.py": '"""Instruments."""\n',
    "gendyn/measure/ranks/__init__.py": '"""Ranks."""\n',
    "gendyn/measure/ranks/rank.py": "from gendyn.measure.ranks._ratio import ratio\ndef rank(): ...\n",
    "gendyn/measure/ranks/_ratio.py": "def ratio(): ...\n",
    "gendyn/probes/__init__.py": '"""Probes."""\nfrom gendyn.probes.norm import norm as norm\n',
    "gendyn/probes/norm.py": "from gendyn.measure.ranks.rank import rank\ndef norm(): ...\ndef example(): ...\n",
    "gendyn/sweep/__init__.py": '"""Sweep."""\n',
    "gendyn/sweep/config/__init__.py": '"""Config."""\n',
    "gendyn/sweep/plan/__init__.py": '"""Plan."""\n',
    "gendyn/sweep/run.py": "from ..optim import sgd\ndef launch(): ...\n",
    "configs/first.py": "import gendyn.experiments\n",
    "tests/core/test_base.py": "from gendyn.core import base\n",
    "tests/models/test_mlp.py": "from gendyn.models import mlp\n",
    "tests/optim/test_sgd.py": "from gendyn.optim import schedules, sgd\n",
    "tests/measure/test_rank.py": "from gendyn.measure.ranks import rank\n",
    "tests/probes/test_norm.py": "from gendyn.probes import norm\n",
    "tests/sweep/test_run.py": "from gendyn.sweep import run\n",
    "tests/sweep/test_plan.py": "from gendyn.sweep.config import leaf\nfrom gendyn.sweep.plan import chunk\n",
    "gendyn/sweep/config/leaf.py": "import gendyn.core\nLEAF = 1\n",
    "gendyn/sweep/plan/chunk.py": "from gendyn.sweep.config.leaf import LEAF\n",
    "README.md": "See https://example.org/" + "work/page and ./net" + "work/x\n",
}
CORE, SGD = "gendyn/core/__init__.py", "gendyn/optim/optimizers/sgd.py"
ADAM = "gendyn/optim/optimizers/adam.py"
PLANTED = {
    "climbs": ("gendyn/core/base.py", "import gendyn.optim\n", import_faults, "core may not import optim"),
    "crosses": (SGD, "from gendyn import models\n", import_faults, "optim may not import models"),
    "hides in a function": (SGD, "def f():\n    import gendyn.train.run\n", import_faults, "train"),
    "relative": (SGD, "from ...sweep.run import launch\n", import_faults, "may not import sweep"),
    "experiment": ("gendyn/sweep/run.py", "from gendyn.experiments import a\n", import_faults, "import experiments"),
    "a sweep that knows probes": ("gendyn/sweep/run.py", "import gendyn.probes.norm\n", import_faults, "import probes"),
    "an instrument that knows probes": (
        "gendyn/measure/ranks/rank.py",
        "from gendyn import probes\n",
        import_faults,
        "measure may not import probes",
    ),
    "upstairs": ("gendyn/sweep/run.py", "import scripts.sweep\n", import_faults, "may not import scripts"),
    "reads backwards": (
        "gendyn/sweep/config/leaf.py",
        "from gendyn.sweep.plan import chunk\n",
        order_faults,
        "config may not import plan",
    ),
    "reads the end": ("gendyn/sweep/plan/chunk.py", "import gendyn.sweep.run\n", order_faults, "may not import run"),
    "reads the room": ("gendyn/sweep/plan/chunk.py", "import gendyn.sweep\n", order_faults, "the room itself"),
    "circle": (
        "gendyn/optim/_scale.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from gendyn.optim.optimizers.sgd import sgd\n",
        circle_faults,
        "imports gendyn.optim._scale",
    ),
    "new room": ("gendyn/attic/box.py", "", import_faults, "'attic' is no room"),
    "code in init": (CORE, '"""Core."""\nx = 1\n', init_faults, "only a docstring and"),
    "__all__ in init": (CORE, '"""Core."""\n__all__ = ["base"]\n', init_faults, "only a docstring and"),
    "a module in init": (CORE, '"""Core."""\nimport a\n', init_faults, "only a docstring and"),
    "no docstring": (CORE, "", init_faults, "no docstring"),
    "no docstring in a folder": ("gendyn/optim/optimizers/__init__.py", "", init_faults, "optimizers/__init__.py: no"),
    "not exported": (CORE, '"""Core."""\nfrom a import b\n', init_faults, "write 'import b as b'"),
    "renamed": (CORE, '"""Core."""\nfrom a import b as c\n', init_faults, "write 'import b as b'"),
    "twice": (CORE, '"""Core."""\nfrom a import b as b\nfrom c import b as b\n', init_faults, "b is exported twice"),
    "private file of a room": (
        "gendyn/sweep/run.py",
        "from gendyn.optim._scale import scale\n",
        private_faults,
        "gendyn.optim._scale is private to gendyn/optim",
    ),
    "private file of a folder": (
        "gendyn/measure/entropy.py",
        "import gendyn.measure.ranks._ratio\n",
        private_faults,
        "is private to gendyn/measure/ranks",
    ),
    "private name": (
        "gendyn/optim/_scale.py",
        "from gendyn.core.base import _base\n",
        private_faults,
        "gendyn.core.base._base is private to gendyn/core/base",
    ),
    "eigenvalues by LAPACK": (
        "gendyn/measure/ranks/rank.py",
        "import jax.numpy as jnp\nvalues = jnp.linalg.eigvalsh\nnorm = jnp.linalg.norm\n",
        decomposition_faults,
        "rank.py:2: jnp.linalg.eigvalsh: use that of gendyn.core",
    ),
    "utils": ("gendyn/core/_utils.py", "", name_faults, "name the file"),
    "long": ("gendyn/core/base.py", "x = 1\n" * (MAX_LINES + 1), length_faults, "401 lines"),
    "path": ("README.md", "cd /" + "root/gendyn\n", path_faults, "README.md:1"),
    "no example": (ADAM, "ROLE = 'optimizer'\ndef adam(): ...\n", example_faults, "no 'example'"),
    "no example in a room without folders": (
        "gendyn/models/cnn.py",
        "def cnn(): ...\n",
        example_faults,
        "models/cnn.py: defines no 'example'",
    ),
    "no example of a probe": ("gendyn/probes/rank.py", "def rank(): ...\n", example_faults, "no 'example'"),
    "misnamed": (ADAM, "ROLE = 'optimizer'\ndef Adam(): ...\ndef example(): ...\n", example_faults, "no 'adam'"),
    "no role": (ADAM, "def adam(): ...\ndef example(): ...\n", example_faults, "defines no 'ROLE'"),
    "found by name and not exported": (
        ADAM,
        "def adam(): ...\n",
        export_faults,
        "__init__.py: from gendyn.optim.optimizers.adam import adam as adam",
    ),
    "no package": ("gendyn/measure/inputs/norm.py", "", folder_faults, "gendyn/measure/inputs/__init__.py: missing"),
    "private and unused": ("gendyn/optim/_moment.py", "def moment(): ...\n", untested_faults, "optim/_moment.py"),
    "private and unused in a folder": (
        "gendyn/optim/optimizers/_scale.py",  # of another file of that name somebody imports
        "def moment(): ...\n",
        untested_faults,
        "optimizers/_scale.py: no test in tests/optim",
    ),
    "untested": ("gendyn/optim/gate.py", "def gate(): ...\n", untested_faults, "no test in tests/optim"),
    "untested in a folder": (ADAM, "def adam(): ...\n", untested_faults, "no test in tests/optim"),
    "tested in another room": (
        "gendyn/measure/ranks/norm.py",
        "def norm(): ...\n",
        untested_faults,
        "no test in tests/measure",
    ),
}


def build(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_a_sound_tree_has_no_faults(tmp_path):
    build(tmp_path, SOUND_TREE)
    assert [fault for rule in RULES for fault in rule(tmp_path)] == []


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_fault_is_found(plant, tmp_path):
    name, text, rule, message = PLANTED[plant]
    faults = rule(build(tmp_path, SOUND_TREE | {name: text}))
    assert len(faults) == 1
    assert message in faults[0]
