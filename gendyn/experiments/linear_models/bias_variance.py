"""Which part of the error makes the peak: bias, and variance by label noise, initialisation, sample and interactions.

Claim: In regression on random features the peak of the risk at ``N = n`` is variance, and most of it the interaction of
training sample and initialisation; bias and the variance that either causes alone have no part in it. So an average
over initialisations removes most of it, as the decomposition predicts; bagging does too, and moves what is left to
where ``N`` is the number of different examples in a resample. In a small trained network the same interactions make the
peak, and what initialisation has a part in falls with width.

Refuted if: the parts do not sum to the risk; on the sphere this sum is more than 6 % from the closed form, without a
ridge at ``|N / n - 1| >= 0.25`` or with one anywhere; less than half of the rise of the variance, from the largest size
to the peak, is in these interactions (with or without label noise); an average over initialisations is more than 10 %
from its prediction, in absolute value and on average over sizes; averages leave more than half of the peak; the bagged
peak is more than 10 % from ``0.63 n``; what initialisation has a part in does not fall to half of its largest value.

Setting: ``x`` on the sphere of radius ``sqrt(d)``, a linear teacher of variance 1, label noise. A redraw, with a
teacher and test points of its own, crosses two each of label noises, initialisations and samples; components are the
unbiased ones of analysis of variance, averaged over test points. *Random features*: ReLU, ridge regression, float64;
initialisation is the draw of features. Without a ridge the variance at ``N = n`` has no mean, so claims about the peak
are about the smallest ridge. *mlp*: one hidden ReLU layer, both layers trained by full-batch gradient descent, float32.
Ensembles have ``members`` initialisations unseen by the crossed design, on one of its samples; bagging gives each a
bootstrap resample of it.

Chosen after results had been seen: errors of ensembles are averaged over sizes in absolute value; signed ones, of +30 %
at one size and -30 % at another, would cancel. The limit of 10 % is the one from before.

Reference: Adlam & Pennington (2020), arXiv:2011.03321 (random features); d'Ascoli, Refinetti, Biroli & Krzakala (2020),
arXiv:2003.01054 (ensembles); Neal et al. (2018), arXiv:1810.08591 (networks: variance falls with width).
"""

import functools
import math
from typing import Any

import jax
import numpy as np

from gendyn import analysis, regression, theory
from gendyn.analysis import Hypothesis, agreement, config_of, family, finding, of_means
from gendyn.core import ConfigError
from gendyn.core.rules import choice, each, integer, number, positive
from gendyn.experiments.linear_models import _sphere
from gendyn.plots import Curve, Panel, draw_panels
from gendyn.sweep import Leaf, Measured, Simulation, redraw_simulation
from gendyn.types import Array, Config, Dataset, Figure, Finding

ENSEMBLE_TOLERANCE = 0.10  # relative, on average over places: single ones scatter by as much, at eight cells each
HALF = 0.5  # of the risk, that an average or a larger width may leave
PLACE_TOLERANCE = 0.1  # relative: numbers of features at the bagged peak are as far apart
ROUNDING = 1e-5  # relative: parts stored in float64 may be of float32 predictions
CROSSED = ("init:sample", "noise:init:sample")
SHOWN = ("squared_bias", "init", "sample", "noise:sample", "init:sample", "noise:init:sample")
COLOURS = ("#444444", "#4477aa", "#66ccee", "#228833", "#ee9944", "#bb3355")
LEARNERS = ("random_features", "mlp")
PARTS = ("noise", "init", "sample", "noise:init", "noise:sample", "init:sample", "noise:init:sample")
_RATIOS = (0.2, 0.4, 0.55, 0.65, 0.75, 0.9, 1.0, 1.1, 1.25, 1.6, 2.5, 4.0)
_COUNTS, _WIDTHS = each(integer(1), _sphere.ENDS), (1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 48)
LEAVES = {
    "members": Leaf(4, rule=integer(2), meaning="initialisations of an ensemble"),
    "num_test": Leaf(500, rule=integer(1), meaning="test points of a redraw"),
    "random_features.dimension": Leaf(80, rule=integer(2), meaning="d"),
    "random_features.num_train": Leaf(80, rule=integer(2), meaning="n"),
    "random_features.noise_variance": Leaf(0.5, rule=number(0), meaning="of the labels, beside the signal 1"),
    "random_features.ridges": Leaf((0.0, 0.001, 0.1), rule=_sphere.ridges(3), meaning="in the closed form's units"),
    "random_features.ratios": Leaf(_RATIOS, rule=_sphere.RATIOS, meaning="N / n"),
    "mlp.dimension": Leaf(8, rule=integer(2), meaning="d"),
    "mlp.num_train": Leaf(36, rule=integer(2), meaning="n"),
    "mlp.noise_variance": Leaf(0.5, rule=number(0), meaning="of the labels, beside the signal 1"),
    "mlp.learning_rate": Leaf(0.5, rule=positive(), meaning="for every width"),
    "mlp.steps": Leaf((100, 600, 3000), rule=_COUNTS, meaning="after which predictions are recorded"),
    "mlp.widths": Leaf(_WIDTHS, rule=_COUNTS, meaning="hidden units"),
    "runs_at_once": Leaf(10, "execution", integer(1), "runs of a chunk"),
    "learner": Leaf("random_features", "axis", choice(LEARNERS), "the claims are about both"),
    "seed": Leaf(0, "axis", integer(0), "a redraw"),
}


def check(config: Config) -> None:
    """Sizes on both sides of the peak, and as many sizes and strengths of both learners."""
    features, network = config.random_features, config.mlp
    sizes = _sphere.feature_counts(features.ratios, features.num_train, name="config.random_features.ratios")
    if len(network.widths) != len(sizes) or len(network.steps) != len(features.ridges):
        raise ConfigError(
            f"config.mlp has {len(network.widths)} widths and {len(network.steps)} steps; config.random_features must "
            f"have as many ratios, not {len(sizes)}, and ridges, not {len(features.ridges)}: one table holds both."
        )


def program(config: Config) -> Simulation:
    """Every redraw of both learners; each quantity by regularisation ``L`` and size ``P``."""
    features, network = config.random_features, config.mlp
    sizes = _sphere.feature_counts(features.ratios, features.num_train)
    descent = {name: network[name] for name in ("widths", "steps", "learning_rate")}
    learners: dict[str, regression.Learner] = {
        "random_features": functools.partial(regression.sphere_features_ridge, sizes=sizes, ridges=features.ridges),
        "mlp": functools.partial(regression.two_layer_widths, **descent),
    }

    @functools.partial(jax.jit, static_argnames="learner")
    def fits_of(seeds: Array, learner: str) -> Any:
        shape = {leaf: config[learner][leaf] for leaf in ("dimension", "num_train", "noise_variance")}
        shape |= {leaf: config[leaf] for leaf in ("num_test", "members")}
        crossed: Any = functools.partial(regression.crossed_sphere_fits, learner=learners[learner], **shape)
        # Redraws in one batch win for small trained networks, not for decompositions.
        batch = config.runs_at_once if learner == "mlp" else 1
        return jax.lax.map(lambda seed: crossed(jax.random.key(seed)), seeds, batch_size=batch)

    def redraw(seeds: Array, learner: str) -> dict[str, np.ndarray]:
        fits, target = jax.device_get(fits_of(seeds, learner))
        cells, target = np.asarray(fits.cells, np.float64), np.asarray(target, np.float64)[:, None, None]
        parts = theory.variance_components(np.moveaxis(cells, 0, 3), target=target)
        assert parts.squared_bias is not None
        return {
            "risk": np.mean(np.square(cells - target[:, None, None, None]), axis=(1, 2, 3, -1)),
            "squared_bias": parts.squared_bias.mean(-1),
            "components": np.stack([parts.components[name].mean(-1) for name in PARTS], 1),
            "ensemble_risk": np.mean(np.square(fits.ensemble - target), -1),
            "bagged_risk": np.mean(np.square(fits.bagged - target), -1),
            "training_error": fits.training_error,
        }

    shape = (len(features.ridges), len(sizes))
    measured = {
        "risk": Measured("mean squared error against noiseless targets", shape, "float64"),
        "squared_bias": Measured("squared bias", shape, "float64"),
        "ensemble_risk": Measured("risk of an average over initialisations", shape, "float64"),
        "bagged_risk": Measured("risk of an average over initialisations and bootstrap resamples", shape, "float64"),
        "training_error": Measured("mean squared error on the noisy training targets", shape, "float64"),
        "components": Measured(f"variance by {', '.join(PARTS)}", (len(PARTS), *shape), "float64"),
    }
    return redraw_simulation(config, measured, redraw)


def table(ds: Dataset, learner: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Sizes ``[P]``, ``N / n`` or widths, and the finished redraws: name -> ``[S, L, P]``.

    Beside what was measured and each of the parts: ``"variance"``, their sum; and ``"predicted"``, the risk of an
    average over the ensemble's number of initialisations by the parts.
    """
    config, values = config_of(ds), analysis.redraws_at(ds, {"learner": learner})
    leaves, parts = config[learner], dict(zip(PARTS, np.moveaxis(values.pop("components"), 1, 0), strict=True))
    predicted = values["squared_bias"] + theory.averaged_variance(parts, {"init": config["members"]})
    if learner == "mlp":
        sizes = np.array(leaves["widths"], float)
    else:
        sizes = np.array(_sphere.feature_counts(leaves["ratios"], leaves["num_train"])) / leaves["num_train"]
    return sizes, values | parts | {"variance": np.sum(list(parts.values()), axis=0), "predicted": predicted}


def verdict(ds: Dataset) -> list[Finding]:
    """Sums, closed form, what makes the peak, and what averages leave: random features, then the network."""
    config, (ratios, features), (widths, network) = config_of(ds), *(table(ds, name) for name in LEARNERS)
    risk, members, at = features["risk"], config["members"], int(np.argmin(np.abs(ratios - 1)))
    ridge, unit = "Random features, smallest ridge", "largest mean risk of the averages / of one fit"
    usable, everywhere = (np.ones(found["risk"].shape[1:], bool) for found in (features, network))
    usable[0] = np.abs(ratios - 1) >= _sphere.OFF_PEAK
    errors = [np.abs((found["squared_bias"] + found["variance"]) / found["risk"] - 1) for found in (features, network)]
    worst = analysis.largest_seen(np.concatenate([rows.reshape(len(rows), -1) for rows in errors], axis=1))
    sums = "Bias and the seven components sum to the risk, in every redraw of both learners."
    law = f"Random features: the sum is the closed form within {_sphere.TOLERANCE:.0%}, with a ridge everywhere,"
    leaves, less = config["random_features"], "have less than half of the peak of one fit."
    exact = _sphere.sphere_risk(ratios, leaves, leaves["noise_variance"])[usable]
    averages = {"ensemble_risk": "initialisations", "bagged_risk": "bootstrap resamples"}
    tops = [of_means(lambda a, b: a.max(-1) / b.max(-1), features[name][:, 1], risk[:, 1]) for name in averages]
    moved = of_means(functools.partial(analysis.peak_centre, ratios), features["bagged_risk"][:, 1])
    distinct, detail = 1 - math.exp(-1), "A bootstrap resample has n (1 - 1 / e) different examples."
    near: Any = {"low": (1 - PLACE_TOLERANCE) * distinct, "high": (1 + PLACE_TOLERANCE) * distinct, "detail": detail}
    moves = f"{ridge}: bagging moves the peak to the examples that a resample has, 0.63 n."
    by_init = np.sum([network[name][:, -1] for name in PARTS if "init" in name], axis=0)
    fall = of_means(lambda means: means[:, -1] / means.max(axis=-1), by_init)
    falls = "Network: the variance that initialisation has a part in falls with width to less than half of its top."
    return family(
        [
            finding(sums, worst, high=ROUNDING, unit="largest |sum / risk - 1|"),
            agreement(f"{law} without one away from the peak.", risk[:, usable], exact, tolerance=_sphere.TOLERANCE),
            _rise(ridge, ratios, features, 1, at),
            _rise("Network, trained longest", widths, network, -1, None),
            _prediction("Random features", features, usable, members),
            _prediction("Network", network, everywhere, members),
            *(
                finding(f"{ridge}: averages over {members} {what} {less}", top, high=HALF, unit=unit)
                for what, top in zip(averages.values(), tops, strict=True)
            ),
            finding(moves, moved, unit="N / n at the centre of the peak", **near),
            finding(falls, fall, high=HALF, unit="at the largest width / at its largest"),
        ]
    )


def _rise(label: str, sizes: np.ndarray, found: dict[str, np.ndarray], level: int, peak: int | None) -> Hypothesis:
    """That of the variance from the largest size to a peak, by default where the mean variance is largest."""
    variance, interactions = found["variance"][:, level], np.sum([found[name][:, level] for name in CROSSED], axis=0)
    where = sizes[int(np.argmax(variance.mean(0))) if peak is None else peak]
    return finding(
        f"{label}: most of the variance's rise to its peak is interaction of sample and initialisation.",
        of_means(functools.partial(analysis.share_of_rise, peak=peak), variance, interactions),
        low=HALF,
        unit="share of the rise",
        detail=f"From size {sizes[-1]:g} to {where:g}; means over redraws.",
    )


def _prediction(label: str, found: dict[str, np.ndarray], places: np.ndarray, members: int) -> Hypothesis:
    """Whether ensembles have the risk that the parts predict, on average over places ``[L, P]``."""
    measured, predicted = found["ensemble_risk"][:, places], found["predicted"][:, places]
    claim = f"{label}: averages of {members} initialisations have the risk that the parts predict,"
    null, signed = analysis.sampling_error(measured, predicted), np.mean(measured.mean(0) / predicted.mean(0) - 1)
    return finding(
        f"{claim} within {ENSEMBLE_TOLERANCE:.0%}.",
        of_means(lambda a, b: np.mean(np.abs(a / b - 1), axis=-1), measured, predicted),
        high=ENSEMBLE_TOLERANCE,
        unit="mean over places of |measured / predicted mean risk - 1|",
        detail=f"{places.sum()} places; without a ridge those away from the peak. Sampling alone would make "
        f"{null:.1%}, which biases the interval against the claim; the mean of signed errors is {signed:+.1%}.",
    )


def figure(ds: Dataset) -> Figure:
    """Parts against size with little and with much regularisation, and averages; parts near 0 are not shown."""
    config, panels, notes, counts = config_of(ds), list[Panel](), list[str](), set[str]()
    members, levels = config["members"], {"random_features": (1, -1), "mlp": (-1, 0)}
    for learner, (little, much) in levels.items():
        (sizes, found), leaves = table(ds, learner), config[learner]
        if learner == "mlp":
            kind, titles = "network", [f"network, {leaves['steps'][i]:,} steps" for i in (little, much)]
            axes: dict[str, Any] = {"x_label": "hidden units", "x_scale": "log"}
            law: dict[str, Any] = {}
        else:
            kind, titles = "features", [f"random features, ridge {leaves['ridges'][i]:g}" for i in (little, much)]
            axes = {"x_label": "features / examples, N / n", "marks": ((1.0, "N = n"),)}
            fine = np.geomspace(sizes[0], sizes[-1], 201)
            law = {"exact_x": fine, "exact": _sphere.sphere_risk(fine, leaves, leaves["noise_variance"])[little]}
        for title, level in zip(titles, (little, much), strict=True):
            parts = tuple(
                Curve(name.replace("_", " ").replace(":", " × "), sizes, found[name][:, level], colour=colour)
                for name, colour in zip(SHOWN, COLOURS, strict=True)
            )
            panels.append(Panel(title, "", "part of the risk", parts, legend="" if panels else "best")._replace(**axes))
        names, same = ("risk", "ensemble_risk", "bagged_risk", "predicted"), "the same, from the parts"
        one, several, bagged, predicted = (found[name][:, little] for name in names)
        averages = (
            Curve("one fit", sizes, one, **law),
            Curve(f"average of {members} initialisations", sizes, several, sizes, predicted.mean(0), exact_label=same),
            Curve(f"bagging, {members} resamples", sizes, bagged),
        )
        means = np.array([rows.mean(0) for rows in (one, several, bagged)])
        # Above the curves is where the legend goes.
        axes |= {"y_scale": "log", "y_limits": (0.8 * means.min(), 6 * means.max()), "legend": "upper right"}
        panels.append(Panel(titles[0], y_label="risk (squared error)", curves=averages, **axes))
        notes.append(f"{kind}: d = {leaves['dimension']}, n = {leaves['num_train']}")
        counts.add(f"{len(one)}")
    note = f"{'; '.join(notes)}; {' and '.join(sorted(counts))} redraws; not shown, near 0: noise, noise × init"
    return draw_panels(panels, note=note)
