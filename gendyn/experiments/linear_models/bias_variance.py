"""Which part of the error makes the peak: bias, and variance by label noise, initialisation, sample and interactions.

Claim: In regression on random features the peak of the risk at ``N = n`` is variance, and most of it the interaction of
training sample and initialisation; bias and the variance that either causes alone have no part in it. So an average
over initialisations removes most of it, by as much as the decomposition says; bagging does too, and moves what is left
to where ``N`` is the number of different examples in a resample. In a small trained network the same interactions make
the peak, and what initialisation has a part in falls with width.

Refuted if: the parts do not sum to the risk; on the sphere this sum is more than 6 % from the closed form, without a
ridge at ``|N / n - 1| >= 0.25`` or with one anywhere; less than half of the rise of the variance, from the largest size
to the peak, is in interactions of sample and initialisation (with or without label noise); an average over
initialisations is more than 10 % from its prediction, in absolute value and on average over sizes; averages leave more
than half of the peak; the bagged peak is more than 10 % from ``0.63 n``; the network's variance that initialisation has
a part in does not fall to half of its largest value.

Setting: ``x`` on the sphere of radius ``sqrt(d)``, a linear teacher of variance 1, label noise. A redraw crosses two
label noises, two initialisations and two samples; components are the unbiased ones of analysis of variance, averaged
over test points, and every interval is over redraws, each with a teacher, test points and draws of its own. *Random
features*: ReLU, ridge regression, float64; initialisation is the draw of features. Without a ridge the variance at
``N = n`` has no mean, so claims about the peak are about the smallest ridge. *mlp*: one hidden layer of ReLU units,
both layers trained by full-batch gradient descent, float32. Ensembles have ``members`` initialisations that the crossed
design has not seen, on one of its samples; bagging gives each of them a bootstrap resample of that sample.

Cost: the default, 150 redraws of 192 decompositions and of as many trained networks, took 185 s of CPU time on one
core of an x86-64 machine under several times its load.

Reference: Adlam & Pennington (2020), arXiv:2011.03321 (random features); d'Ascoli, Refinetti, Biroli & Krzakala (2020),
arXiv:2003.01054 (ensembles); Neal et al. (2018), arXiv:1810.08591 (networks: variance falls with width).
"""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from gendyn import theory
from gendyn.analysis import agreement, bootstrap, config_of, finding, peak_centre
from gendyn.core import ConfigError, check_positive_int, check_range
from gendyn.experiments._redraws import axes_of, finished_runs, redraw_groups
from gendyn.experiments.linear_models._crossed import Setting, mlp_learner, random_features_learner, redraws
from gendyn.experiments.linear_models._sphere import feature_counts
from gendyn.plots.theory_panels import Curve, Panel, theory_panels
from gendyn.sweep import Measured, simulate
from gendyn.types import Array, Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

TOLERANCE = 0.06
"""Relative, of the risk against the closed form: corrections to the limit are of order ``1 / d``."""
OFF_PEAK = 0.25
"""``|N / n - 1|`` from which on means without a ridge are compared."""
ENSEMBLE_TOLERANCE = 0.10
"""Relative, of the absolute error of an ensemble's mean risk against its prediction, on average over places: single
places scatter by as much, since a redraw has eight cells. At first signed errors were averaged, so that +30 % at one
place and -30 % at another cancelled; a review of finished results found that. The limit is the one from before, and
what the average would be without any error, from sampling alone, is part of the finding."""
DISTINCT = 1 - math.exp(-1)
"""Share of a sample's examples that a bootstrap resample has."""
PLACE_TOLERANCE = 0.1
"""Of the place of the bagged peak: it is between two numbers of features that are as far apart."""
HALF = 0.5
ROUNDING = 1e-5
"""Relative, of sums of parts stored in float64 whose predictions may be float32."""
AXES = ("learner", "seed")
LEARNERS = ("random_features", "mlp")
FACTORS = ("noise", "init", "sample")
PARTS = ("noise", "init", "sample", "noise:init", "noise:sample", "init:sample", "noise:init:sample")
CROSSED = ("init:sample", "noise:init:sample")
"""The interactions of sample and initialisation."""
_COLOURS = {
    "squared_bias": "#444444",
    "init": "#4477aa",
    "sample": "#66ccee",
    "noise:sample": "#228833",
    "init:sample": "#ee9944",
    "noise:init:sample": "#bb3355",
}


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Computes every redraw of both learners, or those that ``workdir`` lacks.

    Returns:
        Dimensions ``run``, ``record`` (one) and for each measured quantity regularisation ``L`` and size ``P``:
        ``risk``, ``squared_bias``, ``components [7, L, P]`` in the order of :data:`PARTS`, ``ensemble_risk``,
        ``bagged_risk``, ``training_error``.

    Raises:
        ConfigError: a leaf out of range, or a ``workdir`` that holds something else.
    """
    settings, shape, axes = _settings(config)

    def redraw(seeds: Array, learner: str) -> dict[str, np.ndarray]:
        drawn = jax.device_get(redraws(settings[learner], seeds))
        cells, target = np.asarray(drawn.cells, np.float64), np.asarray(drawn.target, np.float64)[:, None, None]
        parts = theory.variance_components(np.moveaxis(cells, 0, 3), target=target, factors=FACTORS)
        assert parts.squared_bias is not None
        return {
            "risk": np.mean(np.square(cells - target[:, None, None, None]), axis=(1, 2, 3, -1)),
            "squared_bias": parts.squared_bias.mean(-1),
            "components": np.stack([parts.components[name].mean(-1) for name in PARTS], 1),
            "ensemble_risk": np.mean(np.square(drawn.ensemble - target), -1),
            "bagged_risk": np.mean(np.square(drawn.bagged - target), -1),
            "training_error": drawn.training_error,
        }

    measured = {
        "risk": Measured("mean squared error against noiseless targets", shape, "float64"),
        "squared_bias": Measured("squared bias", shape, "float64"),
        "components": Measured(f"variance by {', '.join(PARTS)}", (len(PARTS), *shape), "float64"),
        "ensemble_risk": Measured("risk of an average over initialisations", shape, "float64"),
        "bagged_risk": Measured("risk of an average over initialisations and bootstrap resamples", shape, "float64"),
        "training_error": Measured("mean squared error on the noisy training targets", shape, "float64"),
    }
    groups = redraw_groups(axes, redraw)
    return simulate(config.to_dict(), workdir, groups, measured, runs_at_once=config.runs_at_once)


class Table(NamedTuple):
    """The finished redraws of one learner."""

    sizes: np.ndarray
    """``N / n`` of random features, widths of a network: ``[P]``."""
    parts: dict[str, np.ndarray]
    """Components, ``[S, L, P]`` each."""
    values: dict[str, np.ndarray]
    """Everything else that was measured, ``[S, L, P]``."""

    @property
    def variance(self) -> np.ndarray:
        """``[S, L, P]``."""
        return np.sum(list(self.parts.values()), axis=0)

    def predicted(self, **draws: int) -> np.ndarray:
        """Risk of an average over ``draws`` of some factors, by the components: ``[S, L, P]``."""
        return self.values["squared_bias"] + theory.averaged_variance(self.parts, draws)


def table(ds: "xarray.Dataset", learner: str) -> Table:
    """The finished redraws of one learner.

    Raises:
        ConfigError: none is finished.
    """
    runs, config = finished_runs(ds, {"learner": learner}), config_of(ds)
    values = {str(name): np.asarray(ds[name].values, float)[runs, 0] for name in ds.data_vars}
    components = values.pop("components")
    if learner == "mlp":
        sizes = np.array(config["mlp"]["widths"], float)
    else:
        num_train = config[learner]["num_train"]
        sizes = np.array(feature_counts(config[learner]["ratios"], num_train)) / num_train
    return Table(sizes, {name: components[:, i] for i, name in enumerate(PARTS)}, values)


def closed_form(ds: "xarray.Dataset", ratios: np.ndarray) -> np.ndarray:
    """Risk of random features at ``N / n = ratios [Q]``: ``[L, Q]``."""
    leaves = config_of(ds)["random_features"]
    examples = leaves["num_train"] / leaves["dimension"]
    ridge = np.array(leaves["ridges"])[:, None]
    return theory.random_features_risk(
        ratios * examples, examples, ridge=ridge, noise_variance=leaves["noise_variance"]
    )


def figure(ds: "xarray.Dataset") -> "Figure":
    """Parts against size with little and with much regularisation, and averages: random features, then networks."""
    config = config_of(ds)
    members = config["members"]
    features, network = table(ds, "random_features"), table(ds, "mlp")
    fine = np.geomspace(features.sizes[0], features.sizes[-1], 201)
    exact = closed_form(ds, fine)

    def parts(found: Table, level: int) -> tuple[Curve, ...]:
        known = found.parts | found.values
        return tuple(
            Curve(name.replace("_", " ").replace(":", " × "), found.sizes, known[name][:, level], colour=colour)
            for name, colour in _COLOURS.items()
        )

    def averages(found: Table, level: int, form_x: np.ndarray, form: np.ndarray) -> tuple[Curve, ...]:
        predicted = found.predicted(init=members)[:, level].mean(0)
        return (
            Curve("one fit", found.sizes, found.values["risk"][:, level], form_x, form),
            Curve(
                f"average of {members} initialisations",
                found.sizes,
                found.values["ensemble_risk"][:, level],
                found.sizes,
                predicted,
                exact_label="the same, from the parts",
            ),
            Curve(f"bagging, {members} resamples", found.sizes, found.values["bagged_risk"][:, level]),
        )

    def panel(title: str, curves: tuple[Curve, ...], network: bool, risk: bool = False, legend: str = "") -> Panel:
        x_label, x_scale = ("hidden units", "log") if network else ("features / examples, N / n", "linear")
        y_label, y_scale, limits = "part of the risk", "linear", None
        if risk:
            means = np.array([curve.redraws.mean(0) for curve in curves])
            # Above the curves is where the legend goes.
            y_label, y_scale, limits = "risk (squared error)", "log", (0.8 * means.min(), 6 * means.max())
        marks = () if network else ((1.0, "N = n"),)
        return Panel(title, x_label, y_label, curves, x_scale, y_scale, marks, limits, legend)

    ridges, steps = config["random_features"]["ridges"], config["mlp"]["steps"]
    none = np.empty(0)
    little, much = f"ridge {ridges[1]:g}", f"ridge {ridges[-1]:g}"
    panels = [
        panel(f"random features, {little}", parts(features, 1), False, legend="best"),
        panel(f"random features, {much}", parts(features, -1), False),
        panel(f"random features, {little}", averages(features, 1, fine, exact[1]), False, True, "upper right"),
        panel(f"network, {steps[-1]:,} steps", parts(network, -1), True),
        panel(f"network, {steps[0]:,} steps", parts(network, 0), True),
        panel(f"network, {steps[-1]:,} steps", averages(network, -1, none, none), True, True, "upper right"),
    ]
    note = "; ".join(
        f"{label}: d = {config[name]['dimension']}, n = {config[name]['num_train']}"
        for label, name in (("features", "random_features"), ("network", "mlp"))
    )
    redraws = " and ".join(sorted({f"{len(found.values['risk'])}" for found in (features, network)}))
    return theory_panels(panels, note=f"{note}; {redraws} redraws; not shown, near 0: noise, noise × init")


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Sums, closed form, what makes the peak, and what averages leave: random features, then the network."""
    members = config_of(ds)["members"]
    features, network = table(ds, "random_features"), table(ds, "mlp")
    exact = closed_form(ds, features.sizes)
    away = np.abs(features.sizes - 1) >= OFF_PEAK
    at = int(np.argmin(np.abs(features.sizes - 1)))
    risk = features.values["risk"]
    found = [
        finding(
            "Bias and the seven components sum to the risk, in every redraw of both learners.",
            bootstrap(
                lambda *tables: np.max([np.max(rows, axis=(1, 2, 3)) for rows in tables], axis=0),
                *_sum_errors(features, network),
            ),
            high=ROUNDING,
            unit="largest |sum / risk - 1|",
        ),
        agreement(
            f"Random features: the sum is the closed form within {TOLERANCE:.0%}, with a ridge everywhere, without one "
            "away from the peak.",
            np.concatenate([risk[:, 0, away], risk[:, 1:].reshape(len(risk), -1)], axis=1),
            np.concatenate([exact[0, away], exact[1:].ravel()]),
            tolerance=TOLERANCE,
        ),
        _rise("Random features, smallest ridge", features, 1, at),
        _rise("Network, trained longest", network, -1, None),
    ]
    usable = np.ones(risk.shape[1:], bool)
    usable[0] = away
    everywhere = np.ones(network.values["risk"].shape[1:], bool)
    for label, drawn, places in (("Random features", features, usable), ("Network", network, everywhere)):
        pair = drawn.values["ensemble_risk"][:, places], drawn.predicted(init=members)[:, places]
        signed, null = _ensemble_scatter(*pair)
        found.append(
            finding(
                f"{label}: averages of {members} initialisations have the risk that the parts predict, within "
                f"{ENSEMBLE_TOLERANCE:.0%}.",
                bootstrap(
                    lambda measured, predicted: np.mean(np.abs(measured.mean(1) / predicted.mean(1) - 1), axis=-1),
                    *pair,
                ),
                high=ENSEMBLE_TOLERANCE,
                unit="mean over places of |measured / predicted mean risk - 1|",
                detail=f"{places.sum()} places; without a ridge those away from the peak. Sampling alone would make "
                f"{null:.1%}, which biases the interval against the claim; the mean of signed errors is {signed:+.1%}.",
            )
        )
    for name, what in (
        ("ensemble_risk", f"{members} initialisations"),
        ("bagged_risk", f"{members} bootstrap resamples"),
    ):
        found.append(
            finding(
                f"Random features, smallest ridge: averages over {what} have less than half of the peak of one fit.",
                bootstrap(
                    lambda several, one: several.mean(1).max(-1) / one.mean(1).max(-1),
                    features.values[name][:, 1],
                    risk[:, 1],
                ),
                high=HALF,
                unit="largest mean risk of the averages / of one fit",
            )
        )
    found.append(
        finding(
            "Random features, smallest ridge: bagging moves the peak to the examples that a resample has, 0.63 n.",
            bootstrap(lambda rows: peak_centre(features.sizes, rows.mean(1)), features.values["bagged_risk"][:, 1]),
            low=(1 - PLACE_TOLERANCE) * DISTINCT,
            high=(1 + PLACE_TOLERANCE) * DISTINCT,
            unit="N / n at the centre of the peak",
            detail="A bootstrap resample has n (1 - 1 / e) different examples.",
        )
    )
    found.append(
        finding(
            "Network: the variance that initialisation has a part in falls with width to less than half of its top.",
            bootstrap(
                lambda rows: rows.mean(1)[:, -1] / rows.mean(1).max(axis=-1),
                np.sum([value[:, -1] for name, value in network.parts.items() if "init" in name], axis=0),
            ),
            high=HALF,
            unit="at the largest width / at its largest",
        )
    )
    return found


def _sum_errors(*tables: Table) -> list[np.ndarray]:
    """``|sum of the parts / mean squared error over the cells - 1|``, each ``[S, L, P]``."""
    return [np.abs(found.predicted() / found.values["risk"] - 1) for found in tables]


def _ensemble_scatter(measured: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """Mean over places of the signed errors, and of the absolute ones that sampling alone would make; ``[S, P]`` each.

    A mean over redraws that has a standard error ``s`` and nothing else is off by ``s sqrt(2 / pi)`` on average.
    """
    one, other = measured.mean(0), predicted.mean(0)
    errors = np.std(measured / one - predicted / other, axis=0) / math.sqrt(max(1, len(measured) - 1))
    return float(np.mean(one / other - 1)), float(np.mean(errors) * math.sqrt(2 / math.pi))


def _rise(label: str, found: Table, level: int, peak: int | None) -> Finding:
    """Share of interactions of sample and initialisation in the rise of the variance from the largest size to a peak.

    Without a place the peak is where the mean variance is largest.
    """

    def share(variance: np.ndarray, interactions: np.ndarray) -> np.ndarray:
        total, part = variance.mean(1), interactions.mean(1)
        places = np.argmax(total, axis=-1) if peak is None else np.full(len(total), peak)
        rows = np.arange(len(total))
        with np.errstate(invalid="ignore", divide="ignore"):
            rise = total[rows, places] - total[:, -1]
            return np.asarray(np.where(rise > 0, (part[rows, places] - part[:, -1]) / rise, np.nan))

    interactions = np.sum([found.parts[name][:, level] for name in CROSSED], axis=0)
    variance = found.variance[:, level]
    where = found.sizes[int(np.argmax(variance.mean(0))) if peak is None else peak]
    return finding(
        f"{label}: most of the variance's rise to its peak is interaction of sample and initialisation.",
        bootstrap(share, variance, interactions),
        low=HALF,
        unit="share of the rise",
        detail=f"From size {found.sizes[-1]:g} to {where:g}; means over redraws.",
    )


def _settings(
    config: "ml_collections.ConfigDict",
) -> tuple[dict[str, Setting], tuple[int, int], dict[str, tuple[Any, ...]]]:
    """The program of each learner, the shape ``(L, P)`` of what both measure, and the axes."""
    for name, low in (("members", 2), ("num_test", 1), ("runs_at_once", 1)):
        check_positive_int(f"config.{name}", config[name], low=low)
    axes = axes_of(config, AXES)
    if axes["learner"] != LEARNERS:
        raise ConfigError(f"config.axes: learner = {axes['learner']} must be {LEARNERS}: the claims are about both.")
    for name in LEARNERS:
        check_positive_int(f"config.{name}.dimension", config[name].dimension, low=2)
        check_positive_int(f"config.{name}.num_train", config[name].num_train, low=2)
        check_range(f"config.{name}.noise_variance", config[name].noise_variance, low=0)
    features, network = config.random_features, config.mlp
    sizes = feature_counts(features.ratios, features.num_train)
    if len(network.widths) != len(sizes) or len(network.steps) != len(features.ridges):
        raise ConfigError(
            f"config.mlp has {len(network.widths)} widths and {len(network.steps)} steps; config.random_features must "
            f"have as many ratios, not {len(sizes)}, and ridges, not {len(features.ridges)}: one table holds both."
        )
    learners = {
        "random_features": random_features_learner(sizes, tuple(features.ridges)),
        "mlp": mlp_learner(tuple(network.widths), tuple(network.steps), float(network.learning_rate)),
    }
    settings = {
        name: Setting(
            learner,
            int(config[name].dimension),
            int(config[name].num_train),
            int(config.num_test),
            float(config[name].noise_variance),
            int(config.members),
            1 if name == "random_features" else int(config.runs_at_once),
        )
        for name, learner in learners.items()
    }
    return settings, (len(features.ridges), len(sizes)), axes
