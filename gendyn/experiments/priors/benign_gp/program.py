"""Leaves and runs of ``benign_gp``: one pilot chooses the priors of a kind of corruption, then come the redraws."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError
from gendyn.core.rules import choice, each, integer, length, number
from gendyn.experiments.priors._compared import check_compared
from gendyn.experiments.priors.benign_gp.learners import (
    NOISE_KINDS,
    Draw,
    Images,
    Setting,
    classify,
    draws,
    laplace_prior,
    load_images,
    regress,
    regression_priors,
)
from gendyn.sweep import Leaf, Measured, Simulation, redraw_groups
from gendyn.types import Array, ArrayLike, Config, PyTree


def _levels(name: str, rates: Sequence[float]) -> None:
    if not {0.0, 0.5, 1.0} <= set(rates) or list(rates) != sorted(set(rates)):
        raise ConfigError(f"{name} = {tuple(rates)} must ascend from 0 to 1 and hold 0.5: the claims are about these.")


LEAVES = {
    "data": Leaf("digits", meaning="a task of images with classes"),
    "folder": Leaf("", meaning="where its files are; empty if it needs none"),
    "classes": Leaf(tuple(range(10)), meaning="of the regression"),
    "binary_classes": Leaf((3, 8), rule=length(2, "two classes"), meaning="of Laplace's classifier"),
    "num_train": Leaf(400, rule=integer(), meaning="training images of a redraw"),
    "num_test": Leaf(400, rule=integer(), meaning="its test images"),
    "num_binary": Leaf(100, rule=integer(), meaning="training images of the two classes"),
    "num_binary_test": Leaf(100, rule=integer(), meaning="test images of the two classes"),
    "corruption": Leaf(tuple(k / 10 for k in range(11)), rule=each(number(0, 1), _levels), meaning="rates of labels"),
    "optimiser_steps": Leaf(100, rule=integer(), meaning="of the hyperparameters"),
    "pilot_seed": Leaf(0, rule=integer(0), meaning="of the draw that chooses the priors"),
    "runs_at_once": Leaf(32, rule=integer(), meaning="redraws of a chunk"),
    "noise_kind": Leaf("uniform_any", "axis", choice(NOISE_KINDS), "how labels are corrupted"),
    "seed": Leaf(0, "axis", integer(0), "a redraw of images and labels"),
}
AXES = ("noise_kind", "seed")


def check(config: Config) -> None:
    """Both kinds of corruption are there."""
    check_compared(config, "noise_kind", NOISE_KINDS)


def program(config: Config) -> Simulation:
    """Records ``[levels, 2]`` of the fixed and the chosen prior, ``laplace_* [levels]``, ``prior [levels, 4]``."""
    pools = _pools(config)

    def both_draws(name: str, kind: int, seeds: ArrayLike) -> list[Draw]:
        return [draws(setting, name, images, kind, seeds) for setting, images in pools]

    @functools.cache
    def priors(kind: int) -> tuple[PyTree, PyTree]:
        # Of a stream that no redraw has: redraws are independent of their prior's images up to the finite pool.
        seed = jnp.uint32([config.pilot_seed])
        of_all, of_two = (jax.tree.map(lambda leaf: leaf[0], each) for each in both_draws("pilot", kind, seed))
        steps = config.optimiser_steps
        return regression_priors(pools[0][0], steps, of_all), laplace_prior(steps, of_two)

    def redraw(seeds: Array, noise_kind: str) -> dict[str, Any]:
        kind = NOISE_KINDS.index(noise_kind)
        chosen, latent = priors(kind)
        of_all, of_two = both_draws("redraw", kind, seeds)
        named = [chosen["sum"]["scaled"]["log_variance"], chosen["sum"]["scaled"]["rbf"]["log_lengthscale"]]
        named += [chosen["sum"]["constant"]["log_variance"], chosen["white"]["log_variance"]]
        return {
            **regress(pools[0][0], jnp.int32(kind), chosen, of_all),
            **classify(latent, of_two),
            "prior": np.tile(np.exp(np.stack(named, axis=1)), (len(seeds), 1, 1)),
        }

    levels = len(config.corruption)
    both = {
        "train_accuracy": "share of training images predicted as their label says",
        "test_accuracy": "share of test images predicted rightly",
        "evidence": "log evidence per image (nats)",
        "mean_evidence": "the same, mean over further corruptions of the labels (nats)",
        "expected_evidence": "its exact mean over corruptions (nats)",
        "left_out_told": "share of training images predicted from the others as their label says",
        "left_out_true": "share of training images predicted rightly from the others",
        "jitter": "added to the diagonal beside the noise",
    }
    measured = {name: Measured(text, (levels, 2)) for name, text in both.items()} | {
        "laplace_train_accuracy": Measured("two classes: share of training images fitted", (levels,)),
        "laplace_test_accuracy": Measured("two classes: share of test images predicted rightly", (levels,)),
        "laplace_evidence": Measured("two classes: Laplace's log evidence per image (nats)", (levels,)),
        "prior": Measured("variance, length scale, constant's variance, noise variance", (levels, 4)),
    }
    return Simulation(tuple(redraw_groups(dict(config.axes), redraw)), measured, config.runs_at_once)


def _pools(config: Config) -> tuple[tuple[Setting, Images], tuple[Setting, Images]]:
    """Of all classes and of two; refuses more images than there are."""

    def pool(classes: tuple[int, ...], train: int, test: int, what: str) -> tuple[Setting, Images]:
        images = load_images(config.data, config.folder, tuple(classes))
        if train > len(images.y_train) or test > len(images.y_test):
            raise ConfigError(
                f"config asks for {train} training and {test} test images{what}; {config.data!r} has "
                f"{len(images.y_train)} and {len(images.y_test)}."
            )
        return Setting(train, test, images.num_classes, tuple(map(float, config.corruption))), images

    return (
        pool(config.classes, config.num_train, config.num_test, ""),
        pool(config.binary_classes, config.num_binary, config.num_binary_test, " of two classes"),
    )
