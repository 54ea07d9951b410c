"""Leaves, runs and learners of ``benign_gp``: a pilot for each kind of corruption chooses priors, then come redraws."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import regression
from gendyn.core import ConfigError, lookup, stream
from gendyn.core.rules import ascending, choice, each, every, integer, length, number
from gendyn.experiments.priors.benign_gp.controls import FEW_MODELS, PROCESS, few_images, scrambled
from gendyn.sweep import Leaf, Measured, Simulation, redraw_simulation
from gendyn.tasks import INDEPENDENT_NOISE_KINDS, CorruptedSample, corrupted_samples, select_classes
from gendyn.types import Array, Config, PyTree, Task

LABEL_DRAWS = 16
"""Corruptions whose evidences are averaged, beside the one that is trained on: the mean over labels has heavy tails."""
REGRESSION = PROCESS
CLASSIFICATION = regression.rbf().scaled() + regression.constant()
BOTH = {
    "train_accuracy": "share of training images predicted as their label says",
    "test_accuracy": "share of test images predicted rightly",
    "evidence": "log evidence per image (nats)",
    "mean_evidence": "the same, mean over further corruptions of the labels (nats)",
    "expected_evidence": "its exact mean over corruptions (nats)",
    "left_out_told": "share of training images predicted from the others as their label says",
    "left_out_true": "share of training images predicted rightly from the others",
    "jitter": "added to the diagonal beside the noise",
}
"""Measured with the fixed and with the chosen prior."""


def _levels(name: str, rates: Sequence[float]) -> None:
    if not {0.0, 0.5, 1.0} <= set(rates) or list(rates) != sorted(set(rates)):
        raise ConfigError(f"{name} = {tuple(rates)} must ascend from 0 to 1 and hold 0.5: the claims are about these.")


KIND = choice(INDEPENDENT_NOISE_KINDS)
LEAVES = {
    "data": Leaf("digits", meaning="a task of images with classes"),
    "folder": Leaf("", meaning="where its files are; empty if it needs none"),
    "classes": Leaf(tuple(range(10)), meaning="of the regression"),
    "binary_classes": Leaf((3, 8), rule=length(2, "two classes"), meaning="of Laplace's classifier"),
    "num_train": Leaf(400, rule=integer(), meaning="training images of a redraw"),
    "num_test": Leaf(400, rule=integer(), meaning="its test images"),
    "num_binary": Leaf(100, rule=integer(), meaning="training images of the two classes"),
    "num_binary_test": Leaf(100, rule=integer(), meaning="test images of the two classes"),
    "few": Leaf(
        (10, 20, 50), rule=each(integer(), ascending("more images")), meaning="training images of a comparison"
    ),
    "corruption": Leaf(tuple(k / 10 for k in range(11)), rule=each(number(0, 1), _levels), meaning="rates of labels"),
    "optimiser_steps": Leaf(100, rule=integer(), meaning="of the hyperparameters"),
    "pilot_seed": Leaf(0, rule=integer(0), meaning="of the draw that chooses the priors"),
    "runs_at_once": Leaf(32, "execution", integer(), "redraws of a chunk"),
    "noise_kind": Leaf("uniform_any", "axis", KIND, "how labels are corrupted", every(INDEPENDENT_NOISE_KINDS)),
    "seed": Leaf(0, "axis", integer(0), "a redraw of images and labels"),
}
AXES = ("noise_kind", "seed")
COMPARED = "uniform_any"
"""The kind with which the controls are computed."""


def program(config: Config) -> Simulation:
    """Records ``[levels, 2]`` of the fixed and the chosen prior, ``laplace_* [levels]``, ``prior [levels, 4]``.

    Of the controls ``scrambled_* [2]`` and ``few_accuracy [sizes, models]``.

    Raises:
        ConfigError: a task without enough images, or more few images than training images.
    """
    if config.few[-1] > config.num_train:
        raise ConfigError(f"config.few = {config.few} must not exceed num_train = {config.num_train}.")
    num_binary = (config.num_binary, config.num_binary_test)
    tasks = (
        (_load(config, config.classes, config.num_train, config.num_test), config.num_train, config.num_test),
        (_load(config, config.binary_classes, *num_binary, " of two classes"), *num_binary),
    )

    few_shape = (len(config.few), len(FEW_MODELS))

    def samples(name: str, kind: str, seeds: Sequence[int] | Array) -> list[CorruptedSample]:
        """Of all classes and of two."""
        keys = [stream(jax.random.key(seed), name) for seed in jnp.asarray(seeds, jnp.uint32)]
        labels = {"rates": config.corruption, "kind": kind, "num_draws": 1 + LABEL_DRAWS}
        return [corrupted_samples(task, keys, num_train=n, num_test=m, **labels) for task, n, m in tasks]

    @functools.cache
    def priors(kind: str) -> tuple[PyTree, PyTree]:
        # Of a stream that no redraw has: redraws are independent of their prior's images up to the finite pool.
        of_all, of_two = samples("pilot", kind, [config.pilot_seed])
        steps, count = {"num_steps": config.optimiser_steps}, len(config.classes)
        chosen = regression.gp_label_priors(REGRESSION, of_all.x[0], of_all.told[0, :, 0], num_classes=count, **steps)
        return chosen, regression.gp_laplace_prior(CLASSIFICATION, of_two.x[0], of_two.labels[0], **steps)

    def compared(seeds: Array, kind: str, prior: PyTree, redraws: CorruptedSample) -> dict[str, Any]:
        """Both kinds of corruption share images and true labels: the controls are computed once."""
        if kind != COMPARED:
            shapes = {"few_accuracy": few_shape, "scrambled_train_accuracy": (2,), "scrambled_test_accuracy": (2,)}
            return {name: np.full((len(seeds), *shape), np.nan) for name, shape in shapes.items()}
        few = few_images(redraws, sizes=config.few, num_steps=config.optimiser_steps)
        return scrambled(prior, jnp.asarray(seeds, jnp.uint32), redraws) | {"few_accuracy": few}

    def redraw(seeds: Array, noise_kind: str) -> dict[str, Any]:
        (chosen, latent), (of_all, of_two) = priors(noise_kind), samples("redraw", noise_kind, seeds)
        scaled, constant = chosen["sum"]["scaled"], chosen["sum"]["constant"]
        named = [scaled["log_variance"], scaled["rbf"]["log_lengthscale"], constant["log_variance"]]
        prior = np.exp(np.stack([*named, chosen["white"]["log_variance"]], axis=1))
        controls = compared(seeds, noise_kind, jax.tree.map(lambda leaf: leaf[0], chosen), of_all)
        found = regress(chosen, of_all) | classify(latent, of_two) | controls
        return found | {"prior": np.tile(prior, (len(seeds), 1, 1))}

    levels = len(config.corruption)
    only = f"{COMPARED} alone"
    measured = {name: Measured(text, (levels, 2)) for name, text in BOTH.items()} | {
        "laplace_train_accuracy": Measured("two classes: share of training images fitted", (levels,)),
        "laplace_test_accuracy": Measured("two classes: share of test images predicted rightly", (levels,)),
        "laplace_evidence": Measured("two classes: Laplace's log evidence per image (nats)", (levels,)),
        "prior": Measured("variance, length scale, constant's variance, noise variance", (levels, 4)),
        "few_accuracy": Measured(f"of {', '.join(FEW_MODELS)}: share of test images, {only}", few_shape),
        "scrambled_train_accuracy": Measured(f"scrambled images, true and random labels: share fitted, {only}", (2,)),
        "scrambled_test_accuracy": Measured(f"the same: share of test images predicted rightly, {only}", (2,)),
    }
    return redraw_simulation(config, measured, redraw)


def _load(config: Config, classes: Sequence[int], num_train: int, num_test: int, what: str = "") -> Task:
    """The images of some classes; refuses a task without them, and more images than there are."""
    loaded = lookup("tasks", config.data)(**({"folder": config.folder} if config.folder else {}))
    if loaded.kind != "classification" or loaded.x_train.dtype.kind != "f":
        raise ConfigError(f"config.data = {config.data!r} has no images with classes; use digits, mnist5k or cifar10.")
    task = select_classes(loaded, classes)
    if num_train > len(task.y_train) or num_test > len(task.y_test):
        raise ConfigError(
            f"config asks for {num_train} training and {num_test} test images{what}; {config.data!r} has "
            f"{len(task.y_train)} and {len(task.y_test)}."
        )
    return task


@jax.jit
def regress(priors: PyTree, redraws: CorruptedSample) -> dict[str, Array]:
    """Records ``[R, L, 2]``: with the prior of the clean pilot, the first of ``priors [L]``, and that of each level."""
    both = jax.tree.map(lambda own: jnp.stack([jnp.broadcast_to(own[0], own.shape), own], axis=1), priors)

    def fit(redraw: CorruptedSample, told: Array, probabilities: Array, params: PyTree) -> dict[str, Array]:
        size = len(redraw.labels)
        fitted = regression.gp_corrupted_labels(REGRESSION, params, redraw.x, told, probabilities)
        points = jnp.concatenate([redraw.x, redraw.x_test])
        found = jnp.argmax(regression.gp_predict(REGRESSION, params, fitted.posterior, points).mean, axis=1)
        others = jnp.argmax(fitted.left_out, axis=1)
        return {
            "train_accuracy": jnp.mean(found[:size] == told[0]),
            "test_accuracy": jnp.mean(found[size:] == redraw.y_test),
            "evidence": fitted.log_evidence[0] / size,
            "mean_evidence": jnp.mean(fitted.log_evidence[1:]) / size,
            "expected_evidence": fitted.expected_log_evidence / size,
            "left_out_told": jnp.mean(others == told[0]),
            "left_out_true": jnp.mean(others == redraw.labels),
            "jitter": fitted.posterior.jitter,
        }

    def one(redraw: CorruptedSample) -> dict[str, Array]:
        def level(told: Array, probabilities: Array, priors: PyTree) -> dict[str, Array]:
            return jax.lax.map(lambda params: fit(redraw, told, probabilities, params), priors)

        return jax.lax.map(lambda each: level(*each), (redraw.told, redraw.probabilities, both))

    return jax.lax.map(one, redraws)


@jax.jit
def classify(params: PyTree, redraws: CorruptedSample) -> dict[str, Array]:
    """Records ``[R, L]`` of Laplace's approximation with one prior."""

    def level(redraw: CorruptedSample, told: Array) -> dict[str, Array]:
        posterior = regression.gp_laplace(CLASSIFICATION, params, redraw.x, told[0])
        found = regression.gp_laplace_predict(CLASSIFICATION, params, posterior, redraw.x_test)
        return {
            "laplace_train_accuracy": jnp.mean((posterior.mode > 0) == (told[0] == 1)),
            "laplace_test_accuracy": jnp.mean((found.mean > 0) == (redraw.y_test == 1)),
            "laplace_evidence": posterior.log_evidence / len(redraw.labels),
        }

    return jax.lax.map(lambda redraw: jax.lax.map(lambda told: level(redraw, told), redraw.told), redraws)
