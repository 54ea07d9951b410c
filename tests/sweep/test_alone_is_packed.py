"""The law of packing: a run padded into a bucket is the run alone, for every model under every optimizer.

The optimizers share a program here (a traced choice), since compiling is what these tests cost. Whole sweeps in
different buckets are compared in ``test_strategies.py``.
"""

import jax
import numpy as np
import pytest

from gendyn.core import module, names
from gendyn.sweep.config import build
from gendyn.sweep.execute.pack import unpad_like
from gendyn.sweep.plan.program import task_arguments

MODELS = names("models")
# The run's own width and the bucket's, by the kind of input; 12 does not share the tiling of 48.
WIDTHS = {"vectors": (12, 48), "tokens": (12, 48), "images": (3, 4)}
TASKS = {"vectors": "teacher_student", "tokens": "modular_arithmetic", "images": "digits"}
"""The smallest of each kind of input."""


def inputs_of(model):
    example = module("models", model).example()
    if example.input_dtype == "int32":
        return "tokens"
    return "images" if len(example.input_shape) == 3 else "vectors"


def config_of(small, model, **leaves):
    """A model with the static arguments of its example, on the smallest task of its kind of input."""
    static = {f"model__{name}": value for name, value in module("models", model).example().kwargs.items()}
    task = TASKS[inputs_of(model)]
    return small.config(task=task, model=model, train__num_steps=200, sweep__buckets="max", **static, **leaves)


COMPILES_LONG = {"resnet18", "lstm", "transformer"}
"""Half a minute and more for one case; the law holds them to it in `make test-slow`."""


def cases(dtype):
    for model in MODELS:
        slow = model in COMPILES_LONG - ({"transformer"} if dtype == "float32" else set())
        slow |= inputs_of(model) == "images" and dtype == "float64"
        marks = [pytest.mark.slow] if slow else []
        yield pytest.param(model, *WIDTHS[inputs_of(model)], {}, id=model, marks=marks)
    # act(0) != 0, and learning rates that depend on the true width.
    masked = {"model__activation": "sigmoid", "model__parametrisation": "mup", "model__base_width": 8}
    yield pytest.param("mlp", *WIDTHS["vectors"], masked, id="mlp-sigmoid-mup")


def left_out(case):
    """Paths of the parameters that the model names: their gradient vanishes, and Adam normalises its rounding noise."""
    program = case.programs["alone"]
    built = build("model", case.chunk.runs[0].flat, **task_arguments(program))
    return getattr(built, "vanishing_gradient", ())


@pytest.mark.parametrize(("model", "width", "bucket", "leaves"), list(cases("float32")))
def test_in_float32(small, laws, model, width, bucket, leaves):
    """Initial state exact; outputs and losses after 50 steps to 1e-5; padding exactly zero after 200."""
    case = laws.Case(config_of(small, model, **leaves), width, bucket)
    if left_out(case):
        # Adam turns the rounding noise of a vanishing gradient into steps of full size, and running statistics lag
        # behind them, so that outputs would differ. Only float32 knows: in float64 the noise is far below eps.
        case.kwargs["eps"] = 1e-3
    alone, padded = (case.train(kind, (0, 50, 200)) for kind in ("alone", "padded"))
    laws.assert_initial_state_is_equal(padded.initial, alone.initial)
    laws.assert_observables_agree(padded.states[0], alone.states[0], 1e-5)
    laws.assert_observables_agree(padded.states[50], alone.states[50], 1e-5)
    laws.assert_padding_is_zero(padded.states[200], alone.states[200])
    # It trained, and under different optimizers.
    losses = alone.states[50].metrics["train_loss"]
    assert (losses < alone.states[0].metrics["train_loss"]).all()
    assert len(np.unique(losses)) == len(laws.OPTIMIZERS)


@pytest.mark.parametrize(("model", "width", "bucket", "leaves"), list(cases("float64")))
def test_parameters_in_float64(small, laws, model, width, bucket, leaves):
    """The same float32 draw, cast: 50 steps in float64 leave parameters equal, not only what they compute."""
    case = laws.Case(config_of(small, model, **leaves), width, bucket)
    alone, padded = (case.train(kind, (50,), np.float64) for kind in ("alone", "padded"))
    assert jax.tree.leaves(alone.states[50].variables.params)[0].dtype == np.float64
    laws.assert_parameters_agree(padded.states[50], alone.states[50], left_out(case), 1e-9)
    laws.assert_observables_agree(padded.states[50], alone.states[50], 1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_first_state_of_a_sweep(small, model):
    """What the sweep itself packs: a point alone, and the same point among others of larger widths."""
    config = config_of(small, model, optim="adam", data__label_noise=0.2)
    among = small.packed(config, {"model.width": (4, 3), "seed": (0, 1), "optim.learning_rate": (0.1, 0.02)})
    point = {"model.width": 3, "seed": 1, "optim.learning_rate": 0.02}
    (row,) = (i for i, run in enumerate(among.chunk.runs) if run.flat | point == run.flat)
    alone = small.alone(among, row)
    mine, its = (jax.tree.map(lambda leaf: leaf[0], tree) for tree in (alone.state, alone.inputs[:2]))
    packed, packed_inputs = (jax.tree.map(lambda leaf: leaf[row], tree) for tree in (among.state, among.inputs[:2]))
    jax.tree.map(np.testing.assert_array_equal, unpad_like(packed, mine), mine)
    jax.tree.map(np.testing.assert_array_equal, packed_inputs, its)
    for wide, leaf in zip(jax.tree.leaves(packed), jax.tree.leaves(mine), strict=True):
        outside = np.array(wide)
        outside[tuple(slice(size) for size in leaf.shape)] = 0
        assert not outside.any()
    # Another seed is another draw.
    other = next(i for i, run in enumerate(among.chunk.runs) if run.flat["model.width"] == 3 and run.flat["seed"] == 0)
    kernel = max(jax.tree.leaves(among.state.variables.params), key=lambda leaf: leaf.size)
    assert (kernel[other] != kernel[row]).any()


def test_what_is_not_pad_safe_has_a_program_for_each_width(small):
    plan = small.gendyn.sweep.plan(small.config(optim="muon", sweep__buckets="max"), axes={"model.width": (3, 4)})
    assert [chunk.sizes for chunk in plan.chunks] == [{}, {}]


def test_batch_normalisation_of_a_full_batch_never_sees_rows_of_other_runs(small):
    """Its moments are over the rows of the program; mini-batches, and models without it, share a pool of rows."""
    axes = {"data.num_train": (20, 24)}
    image = {"task": "digits", "model": "cnn"}
    for leaves, pools in (
        (image, [20, 24]),
        (image | {"train__batch_size": 10}, [24]),
        (image | {"model__normalisation": "group"}, [24]),
        ({}, [24]),
    ):
        plan = small.gendyn.sweep.plan(small.config(sweep__buckets="max", **leaves), axes=axes)
        assert sorted(chunk.num_rows for chunk in plan.chunks) == pools
