"""Bad input: one clear error that names the argument, the value and the rule, before anything compiles or is written.

A compilation is any call of the backend's compiler, that of a single eager operation too. Before the first case jax's
caches are emptied, so that no operation is served from another file's tests; of the cases here none compiles anything,
so the first that did would be seen. What a process computes once, the gain of the activation, is computed before.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gendyn.sweep
from gendyn.core import ConfigError
from tests.sweep.bad_input import compile_once, make_config, watched

IMAGES = {"task": "digits", "model": "mlp", "optim": "sgd"}


@pytest.fixture(scope="module", autouse=True)
def once_per_process() -> None:
    compile_once()


@pytest.fixture
def compiled() -> Iterator[list[str]]:
    """The programs compiled in a test, of single operations too."""
    with watched() as found:
        yield found


@pytest.mark.parametrize("time", ["first", "again, from the persistent cache"])
def test_the_watch_sees_a_single_operation(compiled, time):
    jax.clear_caches()
    jnp.sin(jnp.arange(7.0)).block_until_ready()
    jax.clear_caches()
    assert compiled


class Case(NamedTuple):
    match: str
    leaves: Mapping[str, Any] = {}
    axes: Any = None
    zips: Any = ()
    factories: Mapping[str, str] = {}


NAN, INF = math.nan, math.inf

LEAVES = {
    "typo": Case(
        r"config\.model\.widht does not exist\. Did you mean 'model\.width'.*Leaves there", {"model.widht": 64}
    ),
    "typo in a section": Case(r"modle\.width does not exist\. Did you mean 'model\.width'", {"modle.width": 64}),
    "no such leaf": Case(r"config\.foo does not exist\. Sections and leaves: .*model", {"foo": 1}),
    "leaf without its section": Case(r"config\.width does not exist\. Did you mean 'model\.width'", {"width": 1}),
    "a section for a leaf": Case(r"config\.data is a section.*data\.label_noise", {"data": 3}),
    "a leaf of another model": Case(
        r"model\.convolution belongs to cnn.*base_config", {"model.convolution": "patches"}
    ),
    "too large for float32": Case(
        r"learning_rate = 1e\+39 is infinite in float32.* at most 3\.40282e\+38", {"optim.learning_rate": 1e39}
    ),
    "too small for float32": Case(
        r"weight_decay = 1e-39 is 0 in float32.*write 0\.0, or", {}, {"optim.weight_decay": (0.1, 1e-39)}
    ),
    "a function": Case(r"config\.loss = .* is of type function, .*name it 'module:object'", {"loss": make_config}),
    "one number in float32": Case(
        r"one run twice, at \{'optim\.learning_rate': 0\.3\} and at .*0\.30000000000000004\}: .* in float32",
        {},
        {"optim.learning_rate": (0.3, 0.2, 0.1 + 0.2)},
    ),
    "one noise in float32": Case(
        r"one run twice, at .*0\.5.*0\.50000000001", {}, {"data.label_noise": (0.5, 0.50000000001)}
    ),
    "steps that nothing records": Case(
        r"config\.record\.steps = \(1, 2\) has no effect with config\.record\.kind = 'log': set .*'given'",
        {"record.steps": (1, 2)},
    ),
    "steps of an axis that nothing records": Case(
        r"record\.steps = \(1,\) has no effect", {"record.kind": "linear"}, {"record.steps": ((), (1,))}
    ),
    "a number for an axis": Case(r"axis 'seed': .*0.* must be a sequence of values", {}, {"seed": np.array(0)}),
    "float for int": Case(r"model\.width = 64\.5 is of type float, but must be of type int", {"model.width": 64.5}),
    "string for int": Case(r"model\.width = 'abc' is of type str, .* int", {"model.width": "abc"}),
    "bool for int": Case(r"model\.width = True is of type bool, .* int", {"model.width": True}),
    "int for bool": Case(r"train\.augment = 1 is of type int, .* bool", {"train.augment": 1}),
    "string for float": Case(r"learning_rate = 'a' is of type str, .* float", {"optim.learning_rate": "a"}),
    "None for float": Case(r"learning_rate = None is of type NoneType", {"optim.learning_rate": None}),
    "array for int": Case(r"model\.width = array\(\[1, 2\]\) is of type ndarray", {"model.width": np.array([1, 2])}),
    "number for a name": Case(r"config\.model\.name = 3 must be one of [a-z0-9_, ]*mlp", {"model.name": 3}),
    "nan": Case(r"optim\.learning_rate = nan must be a finite number", {"optim.learning_rate": NAN}),
    "infinity": Case(r"optim\.learning_rate = inf must be a finite number", {"optim.learning_rate": INF}),
    "beyond 32 bits": Case(r"train\.num_steps = 1099511627776 must be at most 2147483647", {"train.num_steps": 2**40}),
    "a seed beyond 32 bits": Case(r"config\.seed = 8589934592 must be at most", {"seed": 2**33}),
    "a negative seed": Case(r"config\.seed = -1 must be an integer of at least 0", {"seed": -1}),
    "a float seed": Case(r"config\.seed = 1\.0 is of type float, .* int", {"seed": 1.0}),
}

FACTORIES = {
    "task": Case(r"tasks: there is no 'digit'\. Did you mean 'digits'", {"task.name": "digit"}),
    "model": Case(r"models: there is no 'mpl'\. Did you mean 'mlp'.*gendyn/models/mpl\.py", {"model.name": "mpl"}),
    "optimizer": Case(r"optim: there is no 'adm'\. Did you mean 'adam'", {"optim.name": "adm"}),
    "a loss for an optimizer": Case(r"'cross_entropy' is a loss; set config\.loss", {"optim.name": "cross_entropy"}),
    "an optimizer for a loss": Case(r"config\.loss = 'adam' must be one of cross_entropy", {"loss": "adam"}),
    "loss": Case(r"loss = 'crossentropy' must be one of .*Did you mean 'cross_entropy'", {"loss": "crossentropy"}),
    "schedule": Case(r"schedule\.name = 'cos' must be one of .*Did you mean 'cosine'", {"schedule.name": "cos"}),
    "probe": Case(r"probes: there is no 'no_such_probe'", {"probes": ("no_such_probe",)}),
    "probe of another type": Case(r"config\.probes: 3 must be a name", {"probes": (3,)}),
    "a path for a name": Case(r"loss = '\.\./\.\./etc/passwd' must be one of", {"loss": "../../etc/passwd"}),
    "a private file": Case(r"models: there is no '_dense'", {"model.name": "_dense"}),
    "a dotted name": Case(r"tasks: there is no 'digits\.__init__'", {"task.name": "digits.__init__"}),
    "an empty name": Case(r"models: there is no ''", {"model.name": ""}),
    "control characters": Case(r"loss = 'x\\n\\x1b\[31mboo' must be one of", {"loss": "x\n\x1b[31mboo"}),
    "activation": Case(
        r"config\.model\.activation = 'rleu' must be .*Did you mean 'relu'", {"model.activation": "rleu"}
    ),
    "parametrisation": Case(r"model\.parametrisation = 'np' must be one of standard", {"model.parametrisation": "np"}),
    "label noise kind": Case(r"noise_kind = 'any' must be one of uniform_inc", {"data.label_noise_kind": "any"}),
    "strategy": Case(r"sweep\.strategy = 'pmap' must be one of auto, vmap", {"sweep.strategy": "pmap"}),
    "buckets": Case(r"sweep\.buckets = 'pow2' must be one of auto, exact", {"sweep.buckets": "pow2"}),
    "record kind": Case(r"record\.kind = 'lgo' must be one of .*Did you mean 'log'", {"record.kind": "lgo"}),
}

VALUES = {
    "width 0": Case(r"config\.model\.width = 0 must be an integer of at least 1", {"model.width": 0}),
    "width on an axis": Case(r"config\.model\.width = 0 must be", axes={"model.width": (4, 0)}),
    "a width that nothing holds": Case(r"model\.width = 1000000000 must be at most 16777216", {"model.width": 10**9}),
    "depth": Case(r"config\.model\.depth = -1 must be an integer of at least 0", {"model.depth": -1}),
    "init scale": Case(r"config\.model\.init_scale = -1\.0 must be in \[0", {"model.init_scale": -1.0}),
    "learning rate": Case(r"config\.optim\.learning_rate = -1\.0 must be in \[0, inf\)", {"optim.learning_rate": -1.0}),
    "learning rate of muon": Case(r"learning_rate = -1\.0", {"optim.learning_rate": -1.0}, factories={"optim": "muon"}),
    "momentum": Case(r"config\.optim\.momentum = 1\.0 must be in \[0, 1\)", {"optim.momentum": 1.0}),
    "weight decay": Case(r"config\.optim\.weight_decay = -0\.1 must be in \[0", {"optim.weight_decay": -0.1}),
    "no steps": Case(r"train\.num_steps = 0 must be an integer of at least 1", {"train.num_steps": 0}),
    "negative batch": Case(r"train\.batch_size = -1 must be an integer of at least 0", {"train.batch_size": -1}),
    "batch above the data": Case(r"batch_size = 5000 is larger .* of 1000; .*at most 1000", {"train.batch_size": 5000}),
    "batch above num_train": Case(
        r"batch_size = 64 is larger than the training set of 32", {"train.batch_size": 64, "data.num_train": 32}
    ),
    "num_train": Case(r"num_train = 5000 is more than the 1000 .* 'teacher_student'; choose", {"data.num_train": 5000}),
    "negative num_train": Case(r"data\.num_train = -1 must be an integer of at least 0", {"data.num_train": -1}),
    "num_train on an axis": Case(r"num_train = 5000 is more than the 1000", axes={"data.num_train": (10, 5000)}),
    "label noise": Case(r"data\.label_noise = 1\.2 must be in \[0, 1\]", {"data.label_noise": 1.2}),
    "negative label noise": Case(r"data\.label_noise = -0\.1 must be in \[0, 1\]", {"data.label_noise": -0.1}),
    "label noise on a regression": Case(
        r"label_noise = 0\.1 needs classes; task 'teacher_student' is a regression",
        {"task.kind": "regression", "loss": "squared_error", "data.label_noise": 0.1},
    ),
    "cross entropy on a regression": Case(
        r"loss = 'cross_entropy' needs classes.*squared_error", {"task.kind": "regression"}
    ),
    "augmenting vectors": Case(r"train\.augment = True crops and flips images.*\(20,\)", {"train.augment": True}),
    "convolutions of vectors": Case(
        r"input_shape = \(20,\) must be .* use the model 'mlp'", factories={"model": "cnn"}
    ),
    "no folder": Case(r"task\.folder = '': no folder given; set", factories={"task": "cifar10"}),
    "no such folder": Case(
        r"task\.folder = '/nonexistent' does not exist; it must hold train-images",
        {"task.folder": "/nonexistent"},
        factories={"task": "mnist"},
    ),
    "num_test": Case(r"num_test = 5000 must be less than the 1797", {"task.num_test": 5000}, factories=IMAGES),
    "task noise": Case(r"config\.task\.noise = -1\.0 must be in \[0", {"task.noise": -1.0}),
    "task seed": Case(r"config\.task\.seed = -1 must be an integer of at least 0", {"task.seed": -1}),
    "ema": Case(r"train\.ema_decay = 1\.0 must be in \[0, 1\)", {"train.ema_decay": 1.0}),
    "evaluation batch": Case(r"evaluation_batch_size = 0 must be .* at least 1", {"train.evaluation_batch_size": 0}),
    "warm-up": Case(r"warmup_steps = -1 must be an integer of at least 0", {"schedule.warmup_steps": -1}),
    "warm-up beyond the run": Case(
        r"warmup_steps = 4 must be less than .*num_steps = 4: shorten", {"schedule.warmup_steps": 4}
    ),
    "stop step": Case(r"stop\.step = -1 must be an integer of at least 0", {"stop.step": -1}),
    "stop epoch": Case(r"stop\.epoch = -1 must be an integer of at least 0", {"stop.epoch": -1}),
    "stop loss nan": Case(r"stop\.train_loss = nan must be a finite number", {"stop.train_loss": NAN}),
    "stop error infinite": Case(r"stop\.train_error = -inf must be a finite number", {"stop.train_error": -INF}),
    "no given steps": Case(r"config\.record\.steps is empty; .*list the steps", {"record.kind": "given"}),
    "steps beyond": Case(
        r"config\.record\.steps = \(1, 9\) must lie in \[0, num_steps = 4\]",
        {"record.kind": "given", "record.steps": (1, 9)},
    ),
    "a float step": Case(r"step = 1\.5 must be an integer", {"record.kind": "given", "record.steps": (1.5,)}),
    "a string step": Case(r"step = 'a' must be an integer", {"record.kind": "given", "record.steps": ("a",)}),
    "records": Case(r"config\.record\.num_records = 1 must be an integer of at least 2", {"record.num_records": 1}),
    "no such device": Case(
        r"sweep\.platform = 'tpu': there is no such device here, only .*Leave it empty", {"sweep.platform": "tpu"}
    ),
    "platform of another type": Case(r"sweep\.platform = 3 is of type int, .* str", {"sweep.platform": 3}),
    "memory": Case(
        r"one run of sizes .*'model\.width': 64.* needs about .* GB, more than the 1e-06 GB.*raise sweep\.memory",
        {"sweep.memory_limit_gb": 1e-6},
    ),
    "memory below 0": Case(r"memory_limit_gb = -1\.0 must be in \[0", {"sweep.memory_limit_gb": -1.0}),
    "batch of runs": Case(r"sweep\.batch = -1 must be an integer of at least 0", {"sweep.batch": -1}),
    "commit seconds": Case(r"commit_seconds = -1\.0 must be in \[0", {"store.commit_seconds": -1.0}),
}

AXES = {
    "unknown": Case(r"axis 'model\.widht' does not exist\. Did you mean 'model\.width'", axes={"model.widht": (1, 2)}),
    "without its section": Case(r"axis 'width' does not exist\. Did you mean 'model\.width'", axes={"width": (1, 2)}),
    "a section": Case(r"axis 'model' is a section.*model\.width", axes={"model": (1, 2)}),
    "empty": Case(r"axis 'seed' is empty; give at least one value", axes={"seed": ()}),
    "repeated": Case(r"axis 'seed' repeats 1, 1: each value may be given once", axes={"seed": (1, 2, 1)}),
    "repeated as a float": Case(r"repeats 1, 1\.0", axes={"optim.learning_rate": (1, 1.0)}),
    "repeated nan": Case(r"optim\.learning_rate.* (repeats nan|= nan)", axes={"optim.learning_rate": (NAN, NAN)}),
    "wrong type": Case(r"config\.model\.width = 'a' is of type str", axes={"model.width": ("a", "b")}),
    "mixed types": Case(r"config\.model\.width = 'a' is of type str", axes={"model.width": (1, "a")}),
    "bool among ints": Case(r"config\.model\.width = True is of type bool", axes={"model.width": (True, 2)}),
    "None": Case(r"config\.seed = None is of type NoneType", axes={"seed": (None,)}),
    "a dict": Case(r"axis 'seed': \{1: 2\} must be a number", axes={"seed": ({1: 2},)}),
    "two-dimensional": Case(r"axis 'seed': array\(\[0, 1\]\) must be", axes={"seed": np.arange(4).reshape(2, 2)}),
    "a scalar": Case(r"axis 'seed': 3 must be a sequence of values, such as \(3,\)", axes={"seed": 3}),
    "a string": Case(r"axis 'seed': 'abc' must be a sequence", axes={"seed": "abc"}),
    "no pairs": Case(r"\('seed',\) must be a pair", axes=[("seed",)]),
    "no axes": Case(r"axes = 5 must be \{leaf: values\}", axes=5),
    "no names": Case(r"axes: 3 must be the dotted name of a leaf", axes={3: (1,)}),
    "given twice": Case(r"axis 'seed' is given twice", axes=[("seed", (1,)), ("seed", (2,))]),
    "endless": Case(r"axis 'seed' has 1000000000 values; .*1000000 runs", axes={"seed": range(10**9)}),
    "too many runs": Case(r"the axes make 4000000 runs", axes={"seed": range(2000), "model.width": range(1, 2001)}),
    "how, not what": Case(
        r"axis 'sweep\.strategy' says how.*set config\.sweep", axes={"sweep.strategy": ("map", "vmap")}
    ),
    "probes": Case(r"axis 'probes' must be the same for all runs", axes={"probes": ((), ("a",))}),
    "models with other leaves": Case(
        r"config\.model\.depth = 3 is a leaf of 'mlp', and the axis model\.name = 'cnn' has none.*default 2",
        {"model.depth": 3},
        axes={"model.name": ("mlp", "cnn")},
        factories=IMAGES,
    ),
    "a leaf of one model": Case(
        r"config\.model\.depth belongs to [a-z0-9_, ]*mlp[a-z0-9_, ]*",
        axes={"model.name": ("mlp", "cnn"), "model.depth": (1, 2)},
        factories=IMAGES,
    ),
    "one bad value of many": Case(r"label_noise = 1\.5 must be in \[0, 1\]", axes={"data.label_noise": (0.0, 1.5)}),
    "zip of unequal lengths": Case(
        r"zip \('seed', 'model\.width'\): .*equal lengths, got \{'seed': 2, 'model\.width': 3\}",
        axes={"seed": (1, 2), "model.width": (1, 2, 3)},
        zips=(("seed", "model.width"),),
    ),
    "zip of an unknown axis": Case(
        r"'model\.depth' is not an axis; the axes are seed", axes={"seed": (1, 2)}, zips=(("seed", "model.depth"),)
    ),
    "an axis in two zips": Case(
        r"'seed' is already in zip",
        axes={"seed": (1, 2), "model.width": (1, 2), "model.depth": (1, 2)},
        zips=(("seed", "model.width"), ("seed", "model.depth")),
    ),
    "an axis zipped with itself": Case(r"'seed' is already in zip", axes={"seed": (1, 2)}, zips=(("seed", "seed"),)),
    "zip of one": Case(r"zip \('seed',\) must join at least two", axes={"seed": (1, 2)}, zips=(("seed",),)),
    "zip without groups": Case(r"zip_axes = \('seed',\) must be groups", axes={"seed": (1, 2)}, zips=("seed",)),
    "zip of another type": Case(r"zip_axes = 3 must be groups", axes={"seed": (1, 2)}, zips=3),
}

TABLES = {"leaf": LEAVES, "factory": FACTORIES, "value": VALUES, "axis": AXES}
CASES = [pytest.param(case, id=f"{kind}: {name}") for kind, cases in TABLES.items() for name, case in cases.items()]


@pytest.mark.parametrize("case", CASES)
def test_one_clear_error_before_anything_compiles(case: Case, compiled, tmp_path):
    config = make_config(case.leaves, **case.factories) | {"zip_axes": case.zips}
    with pytest.raises(ConfigError, match=case.match) as caught:
        gendyn.sweep.run(config, axes=case.axes, workdir=tmp_path / "results", quiet=True)
    assert "\n" not in str(caught.value)
    assert not compiled
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("config", [None, 3, "config.py", [("seed", 1)]])
def test_a_config_of_another_type(config, compiled, tmp_path):
    with pytest.raises(ConfigError, match=r"config = .* must be a config; start from gendyn\.sweep\.base_config"):
        gendyn.sweep.run(config, workdir=tmp_path / "results", quiet=True)
    assert not compiled and not list(tmp_path.iterdir())


@pytest.mark.parametrize("leaves", [{"stop.train_loss": -0.5}, {"stop.train_error": -1.0}, {"seed": np.int64(3)}])
def test_what_is_not_bad_is_accepted(leaves):
    """Negative thresholds are off, and NumPy's numbers are numbers."""
    assert len(gendyn.sweep.plan(make_config(leaves)).runs) == 1


def test_at_least_forty_cases():
    assert len(list(itertools.chain(*TABLES.values()))) >= 100
