"""Filter, optimizer, projection and penalty inside a sweep's program; train fractions of a pool."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError

LEVELS = [(leaf, level) for leaf in ("start_train_loss", "stop_train_loss") for level in (1e9, 0.0)]


def config_of(small, **leaves):
    config = small.config(optim="sgd", train__num_steps=8, record__num_records=3, **leaves)
    config.unlock()
    config.arms = (
        ("plain", ()),
        ("filtered", (("filter.name", "grokfast_ema"), ("filter.alpha", 0.5))),
        ("late", (("filter.name", "grokfast_ema"), ("filter.alpha", 0.5), ("gate.start_step", 4))),
        *(
            (f"{leaf} {level}", (("filter.name", "grokfast_ema"), ("filter.alpha", 0.5), (f"gate.{leaf}", level)))
            for leaf, level in LEVELS
        ),
        ("projected", (("projection.name", "project_norm"),)),
        ("smooth", (("train.jacobian_penalty", 0.5),)),
    )
    return config.lock()


def test_every_part_of_the_chain_does_its_own(small, tmp_path):
    ran = small.run(config_of(small), {"arm": ("plain", "filtered", "late", "projected", "smooth")}, tmp_path)
    ds = ran.dataset
    arms = ds["arm"].values.tolist()
    loss = dict(zip(arms, ds["train_loss"].values, strict=True))  # records at steps 0, 4 and 8
    np.testing.assert_allclose(loss["late"][:2], loss["plain"][:2], rtol=1e-5)
    assert abs(loss["late"][2] / loss["plain"][2] - 1) > 1e-3
    for arm in ("filtered", "projected", "smooth"):
        assert loss[arm][0] == loss["plain"][0] and abs(loss[arm][2] / loss["plain"][2] - 1) > 1e-4, arm
    norms = dict(zip(arms, (norm_of(state) for state in ran.states), strict=True))
    assert norms["projected"] == pytest.approx(norm_of(small.packed(config_of(small), {"seed": (0,)}).state), rel=1e-5)
    assert abs(norms["plain"] / norms["projected"] - 1) > 1e-4


def test_thresholds_on_the_train_loss_reach_the_filter(small, tmp_path):
    """One that every loss is below is passed at the first update, one that none is below never."""
    names = [f"{leaf} {level}" for leaf, level in LEVELS]
    ds = small.run(config_of(small), {"arm": ("plain", "filtered", *names)}, tmp_path).dataset
    loss = dict(zip(ds["arm"].values.tolist(), ds["train_loss"].values, strict=True))
    assert loss["plain"].min() > 0 and abs(loss["filtered"][2] / loss["plain"][2] - 1) > 1e-3
    for name, same in zip(names, ("filtered", "plain", "plain", "filtered"), strict=True):
        np.testing.assert_allclose(loss[name], loss[same], rtol=1e-5, err_msg=name)


def norm_of(state):
    params = (
        state.variables.params if hasattr(state, "variables") else {k: v for k, v in state.items() if "params" in k}
    )
    return float(np.sqrt(sum(np.sum(np.square(leaf)) for leaf in jax.tree.leaves(params))))


def test_fractions_of_a_pool_share_a_program_and_are_tested_on_the_rest(small, tmp_path):
    config = small.config(
        task="modular_arithmetic", model="embedding_mlp", optim="adam", data__num_train=0, task__modulus=5,
        train__num_steps=60, record__num_records=2, optim__learning_rate=0.02,
    )  # fmt: skip
    axes = {"data.train_fraction": (0.4, 0.8), "data.change_step": (0,)}
    ds = small.run(config, axes, tmp_path).dataset
    assert np.all(ds["train_error"].values[:, -1] <= ds["test_error"].values[:, -1])
    # Errors are multiples of one over the rows they are counted on.
    for fraction, train, test in zip(
        (0.4, 0.8), ds["train_error"].values[:, 0], ds["test_error"].values[:, 0], strict=True
    ):
        rows = round(25 * fraction)
        np.testing.assert_allclose(
            [train * rows, test * (25 - rows)], np.round([train * rows, test * (25 - rows)]), atol=1e-4
        )


@pytest.mark.parametrize(
    ("leaves", "match"),
    [
        ({"gate__start_step": 3}, "config.filter.name = 'identity' is none"),
        ({"gate__stop_train_loss": 0.1}, "config.filter.name = 'identity' is none"),
        (
            {"filter__name": "kalman", "gate__start_step": 3, "gate__stop_step": 1},
            r"config\.gate\.stop_step = 1 must be greater than config\.gate\.start_step = 3: .* zip_axes or arms",
        ),
        (
            {"filter__name": "kalman", "gate__start_train_loss": 0.1, "gate__stop_train_loss": 0.5},
            r"stop_train_loss = 0\.5 must be less than config\.gate\.start_train_loss = 0\.1: .* zip_axes or arms",
        ),
        ({"data__change_step": 3}, "config.data.change_step = 3 needs"),
        ({"data__train_fraction": 0.5, "data__num_train": 3}, "both say how many examples"),
        ({"filter__name": "adam"}, "'adam' is an optimizer; set config.optim.name"),
        ({"optim__name": "grokfast_ema"}, "'grokfast_ema' is a filter; set config.filter.name"),
    ],
)
def test_contradictions_are_refused(small, leaves, match):
    with pytest.raises(ConfigError, match=match):
        small.gendyn.sweep.plan(small.config(**leaves), axes={"seed": (0,)})


def test_a_pool_needs_a_rest(small):
    config = small.config(task="modular_arithmetic", model="embedding_mlp", task__modulus=5, data__num_train=25)
    with pytest.raises(ConfigError, match=r"trains on all 25: set data\.train_fraction"):
        small.gendyn.sweep.plan(config, axes={"seed": (0,)})


def test_a_change_of_the_training_set_begins_a_segment(small):
    """A segment takes the rows of its first step."""
    config = small.config(data__changed_num_train=5, record__num_records=2, sweep__buckets="max")
    (chunk,) = small.gendyn.sweep.plan(config, axes={"data.change_step": (7, 13)}).chunks
    assert {7, 13} < set(chunk.steps)
