"""Benign overfitting of Gaussian processes: random labels are fitted, and the evidence says so.

Claim: A Gaussian process with one smooth prior fits images with clean and with random labels alike. As labels are
corrupted, test accuracy falls gradually, and the marginal likelihood falls at every step: what memorises noise
generalises from signal, and the evidence tells the two apart. Where the prior is chosen by the evidence at each level
of corruption, noise is not memorised in the first place.

Refuted if: the mean training accuracy on the labels given is below 0.99 at some level of corruption; test accuracy or
evidence rises from one level to the next; at a corruption of one half test accuracy is not above the nearest
neighbour's straight line; the evidence is more than 2 % off its exact mean over labels (judged on 16 corruptions of
each draw: by one, with its heavy tails, it stayed undecided); test accuracy on fully random labels
is not ``1 / K`` to 0.01, or left-out accuracy on corrupted labels is off its identity by 0.01; a prior
chosen on random labels still fits half of them, or is no better at one half. Of Laplace's approximation the same is
asked: fit, fall of the evidence, and an evidence on random labels below that of tossing coins. (Towards random labels
the mean evidence is stationary, so that its last fall is small: in Laplace's case two to three standard errors.)

Setting: regression on targets +1 at an image's class and -1 elsewhere, with an RBF, a constant and noise, whose
hyperparameters maximise the evidence on the clean labels of one pilot draw (``fixed``) or on the pilot's labels at each
level (``chosen``). Laplace's approximation of logistic classification on two classes has the clean pilot's
prior. A redraw draws training and test images from their pools and corrupts the training labels: a redraw's levels
are nested. ``uniform_any`` draws a corrupted label from all classes, ``uniform_incorrect`` from the others. Pixels are
standardised and divided by ``sqrt(d)``; float64. Intervals are over draws from the pools, not over other pools, and
over redraws given the priors: each kind of corruption has one pilot, and every claim is about the priors that it chose.
How much another pilot (``pilot_seed``) would change is not in any interval.

Closed forms: the mean evidence over corrupted labels at given images is exact for any prior. For labels of rate ``c``
of ``uniform_any``, an image's own label and the prediction from all others are independent, so that the left-out
accuracy on corrupted labels is ``(1 - c) a + c / K`` if that on the true ones is ``a`` (for ``uniform_incorrect``
``(1 - c) a + c (1 - a) / (K - 1)``): accuracy can be read off corrupted labels alone. Predictions from fully random
labels are exchangeable over classes, hence ``1 / K``. A nearest neighbour's accuracy is ``(1 - c) a_0 + c / K``.

Cost: the default, two kinds of corruption x 128 redraws x 11 levels x 2 priors at 400 images, took 75 s of CPU time on
busy x86-64 cores, compiling included.

Reference: Wilson (2025), Deep learning is not so mysterious or different, arXiv:2503.02113, figure 1 (its process is a
variational classifier on two classes of CIFAR-10, its evidence a bound); Zhang et al. (2017), arXiv:1611.03530.
"""

import functools
import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.analysis import agreement, bootstrap, config_of, finding
from gendyn.core import ConfigError, check_choice, check_positive_int, check_range
from gendyn.experiments._redraws import axes_of, redraw_groups, redraws_of
from gendyn.experiments.priors._benign_gp import (
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
from gendyn.plots import style
from gendyn.plots.theory_panels import Curve, Panel, theory_panels
from gendyn.sweep import Measured, simulate
from gendyn.types import Array, ArrayLike, Finding, PyTree

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

FITTED = 0.99
"""Training accuracy that counts as fitting."""
EVIDENCE_TOLERANCE = 0.02
ACCURACY_TOLERANCE = 0.01
"""Of identities in the mean: a hundred redraws of a few hundred images have a standard error of some 0.003."""
MEMORISED = 0.5
"""A prior that fits fewer random labels than this has left most of them to its noise."""
LEVEL = 0.9
AXES = ("noise_kind", "seed")
FIXED, CHOSEN = 0, 1
ANY, INCORRECT = 0, 1


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Computes every redraw, or the chunks of them that ``workdir`` lacks.

    Returns:
        Dimension ``run``; ``train_accuracy``, ``test_accuracy``, ``evidence`` and others ``[levels, 2]`` of the fixed
        and the chosen prior, ``laplace_*  [levels]``, and the hyperparameters ``prior [levels, 4]``.

    Raises:
        ConfigError: a leaf out of range, a task without the classes or images asked for, or a ``workdir`` that
            holds something else.
    """
    axes, settings, images = _settings(config)

    @functools.cache
    def priors(kind: int) -> tuple[PyTree, PyTree]:
        # Of a stream that no redraw has: redraws are independent of their prior's images up to the finite pool.
        pilots = [
            jax.tree.map(lambda leaf: leaf[0], each)
            for each in both_draws("pilot", kind, jnp.uint32([config.pilot_seed]))
        ]
        steps = config.optimiser_steps
        return regression_priors(settings[0], steps, pilots[0]), laplace_prior(steps, pilots[1])

    def both_draws(name: str, kind: int, seeds: ArrayLike) -> list[Draw]:
        return [draws(setting, name, pools, kind, seeds) for setting, pools in zip(settings, images, strict=True)]

    def redraw(seeds: Array, noise_kind: str) -> dict[str, Any]:
        kind = NOISE_KINDS.index(noise_kind)
        chosen, latent = priors(kind)
        of_all, of_two = both_draws("redraw", kind, seeds)
        named = [chosen["sum"]["scaled"]["log_variance"], chosen["sum"]["scaled"]["rbf"]["log_lengthscale"]]
        named += [chosen["sum"]["constant"]["log_variance"], chosen["white"]["log_variance"]]
        return {
            **regress(settings[0], jnp.int32(kind), chosen, of_all),
            **classify(latent, of_two),
            "prior": np.tile(np.exp(np.stack(named, axis=1)), (len(seeds), 1, 1)),
        }

    levels = len(settings[0].corruption)
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
    groups = redraw_groups(axes, redraw)
    return simulate(config.to_dict(), workdir, groups, measured, runs_at_once=config.runs_at_once)


def _redraws(ds: "xarray.Dataset", name: str) -> np.ndarray:
    """``[2, S, levels, ...]``, by :data:`NOISE_KINDS`."""
    axes, table = redraws_of(ds, AXES, name)
    return table[[list(axes["noise_kind"]).index(kind) for kind in NOISE_KINDS]]


def _rates(ds: "xarray.Dataset") -> tuple[np.ndarray, int, int]:
    """Levels of corruption, the index of one half, the number of classes."""
    config = config_of(ds)
    rates = np.array(config["corruption"])
    return rates, int(np.argmin(np.abs(rates - 0.5))), len(config["classes"])


def _identity(ds: "xarray.Dataset") -> np.ndarray:
    """Left-out accuracy on corrupted labels that follows from that on the true ones, ``[2, S, levels]``."""
    rates, _, count = _rates(ds)
    true = _redraws(ds, "left_out_true")[..., FIXED]
    lucky = np.stack([np.full_like(true[ANY], 1.0 / count), (1.0 - true[INCORRECT]) / (count - 1)])
    return (1.0 - rates) * true + rates * lucky


def figure(ds: "xarray.Dataset") -> "Figure":
    """Accuracy and evidence under a fixed prior, accuracy under a chosen one; left-out labels; Laplace's."""
    config = config_of(ds)
    rates, _, count = _rates(ds)
    train, test, evidence = (_redraws(ds, name) for name in ("train_accuracy", "test_accuracy", "evidence"))
    told, identity = _redraws(ds, "left_out_told")[..., FIXED], _identity(ds)
    expected = _redraws(ds, "expected_evidence")[..., FIXED].mean(axis=1)
    nearest = (1 - rates) * test[ANY, :, 0, FIXED].mean() + rates / count
    names = ("any class", "another class")
    level = "corruption of training labels"
    laplace = [_redraws(ds, f"laplace_{name}")[ANY] for name in ("train_accuracy", "test_accuracy", "evidence")]
    pair = " and ".join(str(each) for each in config["binary_classes"])
    panels = [
        Panel(
            "One prior: noise is memorised",
            level,
            "accuracy",
            (
                Curve("training labels", rates, train[ANY, ..., FIXED], colour=style.TRAIN),
                Curve("test", rates, test[ANY, ..., FIXED], rates, nearest, style.TEST, exact_label="1 neighbour"),
                Curve("test, another class", rates, test[INCORRECT, ..., FIXED], colour=style.MEASURED),
            ),
            y_limits=(-0.02, 1.05),
            legend="lower left",
        ),
        Panel(
            "The evidence tells",
            level,
            "log evidence per image (nats)",
            (
                Curve(names[ANY], rates, evidence[ANY, ..., FIXED], rates, expected[ANY], style.TEST),
                Curve(
                    names[INCORRECT], rates, evidence[INCORRECT, ..., FIXED], rates, expected[INCORRECT], style.MEASURED
                ),
                Curve("prior chosen at each level", rates, evidence[ANY, ..., CHOSEN], colour="#AA4499"),
            ),
            legend="lower left",
        ),
        Panel(
            "Prior chosen by the evidence",
            level,
            "accuracy",
            (
                Curve("training labels", rates, train[ANY, ..., CHOSEN], colour=style.TRAIN),
                Curve("test", rates, test[ANY, ..., CHOSEN], colour=style.TEST),
                Curve("test, one prior", rates, test[ANY, ..., FIXED], colour=style.GREY),
            ),
            y_limits=(-0.02, 1.05),
            legend="lower left",
        ),
        Panel(
            "Left-out labels, from corrupted data",
            level,
            "accuracy on labels as given",
            tuple(
                Curve(names[kind], rates, told[kind], rates, identity[kind].mean(axis=0), colour)
                for kind, colour in ((ANY, style.TEST), (INCORRECT, style.MEASURED))
            ),
            y_limits=(-0.02, 1.05),
        ),
        Panel(
            f"Laplace's classifier, {pair}",
            level,
            "accuracy",
            (
                Curve("training labels", rates, laplace[0], colour=style.TRAIN),
                Curve(
                    "test", rates, laplace[1], rates, np.full_like(rates, 0.5), style.TEST, exact_label="tossing coins"
                ),
            ),
            y_limits=(0.3, 1.03),
            legend="lower left",
        ),
        Panel(
            "Its evidence against coins",
            level,
            "log evidence per image (nats)",
            (
                Curve(
                    "Laplace's",
                    rates,
                    laplace[2],
                    rates,
                    np.full_like(rates, -math.log(2.0)),
                    "#AA4499",
                    exact_label="tossing coins",
                ),
            ),
        ),
    ]
    note = (
        f"{train.shape[1]} redraws of {config['num_train']:,} images of {config['data']}, {config['num_binary']:,} of "
        "the two classes; float64"
    )
    return theory_panels(panels, height=3.6, note=note, level=LEVEL)


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Fit, fall, evidence, its exact mean, chance, left-out labels; chosen priors; Laplace's approximation."""
    rates, half, count = _rates(ds)
    train, test, evidence, told = (
        _redraws(ds, name) for name in ("train_accuracy", "test_accuracy", "evidence", "left_out_told")
    )
    laplace_train, laplace_evidence = (_redraws(ds, f"laplace_{name}")[ANY] for name in ("train_accuracy", "evidence"))
    kept, fallen = test[ANY, :, half, FIXED], test[ANY, :, 0, FIXED]
    ratios = _redraws(ds, "mean_evidence")[..., FIXED] / _redraws(ds, "expected_evidence")[..., FIXED]
    found = [
        _fit("The process fits labels of every level of corruption.", train[ANY, ..., FIXED]),
        _fall("Its test accuracy falls from each level to the next.", test[ANY, ..., FIXED], "accuracy"),
        finding(
            "It generalises better from half-corrupted labels than a nearest neighbour would.",
            bootstrap(
                lambda at, clean: (at - (1 - rates[half]) * clean).mean(axis=1) - rates[half] / count,
                kept,
                fallen,
                level=LEVEL,
            ),
            low=0.0,
            unit="test accuracy above the straight line to chance",
            detail=f"Mean accuracy {kept.mean():.3f} at a corruption of {rates[half]:g}, clean {fallen.mean():.3f}.",
        ),
        _fall("Its evidence falls from each level to the next.", evidence[ANY, ..., FIXED], "nats per image"),
        *(
            agreement(
                f"The evidence is its exact mean over labels ({NOISE_KINDS[kind]}).",
                ratios[kind],
                np.ones(len(rates)),
                tolerance=EVIDENCE_TOLERANCE,
                level=LEVEL,
            )
            for kind in (ANY, INCORRECT)
        ),
        finding(
            "From fully random labels it predicts at chance.",
            bootstrap(_mean, test[ANY, :, -1, FIXED] - 1.0 / count, level=LEVEL),
            low=-ACCURACY_TOLERANCE,
            high=ACCURACY_TOLERANCE,
            unit="test accuracy less 1 / K",
        ),
        finding(
            "Left-out accuracy on corrupted labels follows from that on the true ones.",
            bootstrap(_worst, *(told[..., FIXED] - _identity(ds)), level=LEVEL),
            high=ACCURACY_TOLERANCE,
            unit="largest |mean difference| over levels and both kinds of corruption",
        ),
        finding(
            "A prior that the evidence chooses on random labels leaves them to its noise.",
            bootstrap(_mean, train[ANY, :, -1, CHOSEN], level=LEVEL),
            high=MEMORISED,
            unit="training accuracy on fully random labels",
        ),
        finding(
            "A prior that the evidence chooses on half-corrupted labels generalises better than that of clean ones.",
            bootstrap(_mean, test[ANY, :, half, CHOSEN] - kept, level=LEVEL),
            low=0.0,
            unit="difference of test accuracies",
        ),
        _fit("Laplace's classifier fits labels of every level of corruption.", laplace_train),
        _fall("Laplace's evidence falls from each level to the next.", laplace_evidence, "nats per image"),
        finding(
            "On random labels Laplace's evidence is below that of tossing coins.",
            bootstrap(_mean, laplace_evidence[:, -1] + math.log(2.0), level=LEVEL),
            high=0.0,
            unit="log evidence per image + log 2 (nats)",
        ),
    ]
    given = (
        f"Given the priors of pilot seed {config_of(ds)['pilot_seed']}; intervals are over redraws, not over pilots."
    )
    return [
        each._replace(
            claim=f"{each.claim.removesuffix('.')}, given this pilot's priors.", detail=f"{given} {each.detail}"
        )
        for each in found
    ]


def _mean(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows.mean(axis=1))


def _worst(*tables: np.ndarray) -> np.ndarray:
    return np.asarray(np.max([np.max(np.abs(table.mean(axis=1)), axis=-1) for table in tables], axis=0))


def _fit(claim: str, accuracy: np.ndarray) -> Finding:
    return finding(
        claim,
        bootstrap(lambda rows: rows.mean(axis=1).min(axis=-1), accuracy, level=LEVEL),
        low=FITTED,
        unit="smallest mean training accuracy over levels",
    )


def _fall(claim: str, values: np.ndarray, unit: str) -> Finding:
    return finding(
        claim,
        bootstrap(lambda rows: np.diff(rows.mean(axis=1), axis=-1).max(axis=-1), values, level=LEVEL),
        high=0.0,
        unit=f"largest change of the mean between levels ({unit})",
    )


def _settings(
    config: "ml_collections.ConfigDict",
) -> tuple[dict[str, tuple[Any, ...]], tuple[Setting, Setting], tuple[Images, Images]]:
    for name in ("num_train", "num_test", "num_binary", "num_binary_test", "optimiser_steps", "runs_at_once"):
        check_positive_int(f"config.{name}", config[name])
    check_positive_int("config.pilot_seed", config.pilot_seed, low=0)
    axes = axes_of(config, AXES)
    for kind in axes["noise_kind"]:
        check_choice("config.axes: noise_kind", kind, NOISE_KINDS)
    if len(axes["noise_kind"]) < len(NOISE_KINDS):
        raise ConfigError(f"config.axes: noise_kind = {axes['noise_kind']} must be both of {', '.join(NOISE_KINDS)}.")
    rates = tuple(float(rate) for rate in config.corruption)
    check_range("config.corruption", np.array(rates), low=0, high=1)
    if not {0.0, 0.5, 1.0} <= set(rates) or list(rates) != sorted(set(rates)):
        raise ConfigError(f"config.corruption = {rates} must ascend from 0 to 1 and hold 0.5: the claims ask.")
    if len(config.binary_classes) != 2:
        raise ConfigError(f"config.binary_classes = {tuple(config.binary_classes)} must be two classes.")
    images = tuple(
        load_images(config.data, config.folder, tuple(classes)) for classes in (config.classes, config.binary_classes)
    )
    sizes = (config.num_train, config.num_test), (config.num_binary, config.num_binary_test)
    for (train, test), pools, suffix in zip(sizes, images, ("", " of two classes"), strict=True):
        if train > len(pools.y_train) or test > len(pools.y_test):
            raise ConfigError(
                f"config asks for {train} training and {test} test images{suffix}; {config.data!r} has "
                f"{len(pools.y_train)} and {len(pools.y_test)}."
            )
    settings = [Setting(*size, pools.num_classes, rates) for size, pools in zip(sizes, images, strict=True)]
    return axes, (settings[0], settings[1]), (images[0], images[1])
