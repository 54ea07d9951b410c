"""Regression on random features: double descent in their number, on the sphere where it is solved, and on images.

Claim: The test risk and the coefficient norm of regression on ``N`` random features peak where ``N`` is ``n``, the
number of examples. On the sphere the risk is the closed form of Mei & Montanari. Label noise raises the peak, a ridge
removes it, and averaging the predictions of several feature draws lowers it. Primary, on either data, are the place of
the peak of the risk, what label noise adds there, and that the ridge removes it.

Refuted if: on the sphere a mean over redraws is more than 6 % from the closed form, without a ridge at ``|N / n - 1| >=
0.25`` or with one anywhere; without a ridge no peak of 1.5 times its valleys is there, or it is more than 5 % from
``n``; label noise adds less than twice as much risk there as at the ends of the sweep; with the largest ridge a peak
stands 10 % over its valleys; averaging ``K`` draws leaves more than half of the risk at ``N = n``.

Setting: *sphere*: ``x`` and the directions of the ReLU features uniform on the sphere of radius ``sqrt(d)``, ``y = b .
x / sqrt(d) + noise`` with ``b`` on the same sphere, means over ``num_targets`` such ``b`` with a noise each, and the
penalty ``(n N ridge / d) |a|^2`` beside the sum of squared errors. *images*: ``n`` training images out of the task's
pool, anew in each redraw, flattened and divided by ``sqrt(d)``. Pool and test images are one split of the task, so that
intervals on images say nothing of other test images; random Fourier or ReLU features; one-hot targets, of
which a share ``label_noise`` is that of another class; the penalty is ``N ridge |a|^2``. All numbers of features of a
redraw are prefixes of one draw. Risk is against noiseless targets on inputs that are not in the sample. Float64:
without a ridge the condition number at ``N = n`` exceeds 1e6 in single redraws. The risk there has no mean, so
everything said about that place is about medians over redraws.

Reference: Mei & Montanari (2022), arXiv:1908.05355; Belkin, Hsu, Ma & Mandal (2019), arXiv:1812.11118, figure 2
(random Fourier features on MNIST); d'Ascoli, Refinetti, Biroli & Krzakala (2020), arXiv:2003.01054 (ensembles).
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from gendyn import analysis, regression
from gendyn.analysis import Hypothesis, agreement, config_of, family, finding
from gendyn.core import ConfigError, lookup, said_of, stream
from gendyn.core.rules import choice, each, integer, number, positive
from gendyn.experiments.linear_models import _sphere
from gendyn.plots import Curve, Panel, draw_panels
from gendyn.sweep import Leaf, Measured, Simulation, mapped_redraws
from gendyn.tasks import one_hot_sample
from gendyn.types import Array, Config, Dataset, Figure, Finding

PLACE_TOLERANCE = 0.05
"""Of the place of a peak."""
PEAK, NO_PEAK = 1.5, 1.1
"""Peak over the higher of its valleys, above which there is one and below which there is none."""
TWICE = 2.0
"""What label noise adds to the risk at ``N = n``, over what it adds at the ends of the sweep."""
HALF = 0.5
"""Share of the risk at ``N = n`` that an ensemble may leave."""
DATA = ("sphere", "images")
_RATIOS = (0.1, 0.2, 0.4, 0.6, 0.75, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.35, 1.6, 2.0, 3.0, 5.0)
_SHARES, _VARIANCES = (each(number(0, most), _sphere.ENDS, least=2) for most in (1, np.inf))
LEAVES = {
    "ratios": Leaf(_RATIOS, rule=_sphere.RATIOS, meaning="N / n"),
    "members": Leaf(3, rule=integer(2), meaning="feature draws of an ensemble"),
    "sphere.dimension": Leaf(80, rule=integer(2), meaning="d"),
    "sphere.num_train": Leaf(160, rule=integer(2), meaning="n"),
    "sphere.num_test": Leaf(1000, rule=integer(1), meaning="test points"),
    "sphere.num_targets": Leaf(8, rule=integer(1), meaning="teachers of a redraw"),
    "sphere.label_noise": Leaf((0.0, 0.5), rule=_VARIANCES, meaning="variances, beside the signal 1"),
    "sphere.ridges": Leaf((0.0, 0.01, 0.2), rule=_sphere.ridges(2), meaning="in the closed form's units"),
    "images.task": Leaf("digits", meaning="a classification"),
    "images.num_train": Leaf(200, rule=integer(2), meaning="n, out of the task's pool"),
    "images.num_test": Leaf(797, rule=integer(1), meaning="the first test images"),
    "images.features": Leaf("fourier", rule=choice(("fourier", "relu")), meaning="their family"),
    "images.lengthscale": Leaf(1.0, rule=positive(), meaning="of Fourier features"),
    "images.label_noise": Leaf((0.0, 0.2), rule=_SHARES, meaning="shares of wrong labels"),
    "images.ridges": Leaf((0.0, 0.001, 0.1), rule=_sphere.ridges(2), meaning="for each feature"),
    "runs_at_once": Leaf(10, "execution", integer(1), "runs of a chunk"),
    "data": Leaf("sphere", "axis", choice(DATA), "the claims are about both"),
    "seed": Leaf(0, "axis", integer(0), "a redraw"),
}
QUANTITIES = {
    "risk": "mean squared error against noiseless targets, of one feature draw",
    "ensemble_risk": "mean squared error against noiseless targets, of the average over feature draws",
    "test_error": "share of wrong test points (sphere: wrong signs), of one feature draw",
    "ensemble_test_error": "share of wrong test points (sphere: wrong signs), of the average over feature draws",
    "coefficient_norm": "norm of the coefficients of features divided by sqrt(N)",
}


def check(config: Config) -> None:
    """Tables of one shape, sizes on both sides of the peak, and images that there are."""
    if len({(len(config[data].label_noise), len(config[data].ridges)) for data in DATA}) > 1:
        raise ConfigError(
            "config.sphere and config.images must have as many label_noise as each other and as many ridges: their "
            "results are one table."
        )
    for data in DATA:
        problem(config, data)


def program(config: Config) -> Simulation:
    """Every redraw on the sphere and on images; each quantity by label noise, ridge and number of features."""
    shape = (len(config.sphere.label_noise), len(config.sphere.ridges), len(config.ratios))
    measured = {name: Measured(long_name, shape, "float64") for name, long_name in QUANTITIES.items()}
    measured["condition_number"] = Measured("largest condition number of the features of a sample", shape[-1:])
    return mapped_redraws(config, measured, functools.partial(redraw, config))


def problem(config: Config, data: str) -> tuple[Callable[..., tuple[Array, ...]], dict[str, Any]]:
    """The sample of a redraw's key, and what :func:`gendyn.regression.feature_ensemble` is told of its fits."""
    leaves = config[data]
    n, sizes = leaves.num_train, _sphere.feature_counts(config.ratios, leaves.num_train)
    shape = {"num_train": n, "num_test": leaves.num_test}
    if data == "sphere":
        shape |= {"dimension": leaves.dimension, "num_targets": leaves.num_targets}
        sample: Callable[..., tuple[Array, ...]] = functools.partial(
            regression.sphere_sample, **shape, noise_variances=leaves.label_noise
        )
        penalties = [regression.sphere_penalty(leaves.ridges, size, n, leaves.dimension) for size in sizes]
        features: Callable[..., Array] = regression.random_sphere_features
    else:
        with said_of("config.images"):
            sample = one_hot_sample(lookup("tasks", leaves.task)(), **shape, label_noise=leaves.label_noise)
        penalties = [size * np.array(leaves.ridges) for size in sizes]
        features = functools.partial(regression.random_relu_features, bias=True)
        if leaves.features == "fourier":
            features = functools.partial(regression.random_fourier_features, lengthscale=leaves.lengthscale)
    return sample, {"features": features, "sizes": sizes, "penalties": np.stack(penalties), "one_hot": data == "images"}


def redraw(config: Config, key: Array, data: str) -> dict[str, Array]:
    """Records ``[V, L, P]`` of one redraw, and ``condition_number [P]``."""
    sample, fits = problem(config, data)
    x, y, x_test, targets = sample(stream(key, "data"))
    keys = jax.random.split(stream(key, "features"), config.members)
    return regression.feature_ensemble(keys, x=x, y=y, x_test=x_test, targets=targets, **fits)._asdict()


def table(ds: Dataset, data: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """``N / n [P]``, and what was measured on one kind of data in finished redraws: name -> ``[S, V, L, P]``.

    Raises:
        ConfigError: none is finished.
    """
    config = config_of(ds)
    n = config[data]["num_train"]
    return np.array(_sphere.feature_counts(config["ratios"], n)) / n, analysis.redraws_at(ds, {"data": data})


def verdict(ds: Dataset) -> list[Finding]:
    """The closed form, then six claims on the sphere and the same on images."""
    sphere, (ratios, values) = config_of(ds)["sphere"], table(ds, "sphere")
    risk, away = values["risk"], np.abs(ratios - 1) >= _sphere.OFF_PEAK
    exact = _sphere.sphere_risk(ratios, sphere, sphere["label_noise"])
    law = f"the closed form's within {_sphere.TOLERANCE:.0%}"
    ridgeless = f"On the sphere, without a ridge, the risk away from the peak is {law}."
    ridged = f"On the sphere, with a ridge, the risk is {law} everywhere."
    return family(
        [
            agreement(ridgeless, risk[:, :, 0, away], exact[:, 0, away], tolerance=_sphere.TOLERANCE),
            agreement(ridged, risk[:, :, 1:], exact[:, 1:], tolerance=_sphere.TOLERANCE),
            *(found for data in DATA for found in _peak_findings(ds, data)),
        ]
    )


def _peak_findings(ds: Dataset, data: str) -> list[Hypothesis]:
    members, (ratios, values) = config_of(ds)["members"], table(ds, data)
    at, risk = int(np.argmin(np.abs(ratios - 1))), values["risk"]
    split = "" if data == "sphere" else "One pool of images, and one set of test images, in all redraws."

    def added(medians: np.ndarray) -> np.ndarray:
        return np.asarray(medians[:, at] / np.maximum(medians[:, 0], medians[:, -1]))

    noisy = values["risk"][:, -1]
    stands, unit = lambda rows: analysis.interior_peak(rows).prominence, "peak / higher of its valleys"
    peak = finding(
        f"{data}: without a ridge the test risk has a peak, at least {PEAK:g} times as high as both its valleys.",
        analysis.of_medians(stands, noisy[:, 0]),
        low=PEAK,
        unit=unit,
        detail=f"At the most label noise; medians over redraws. {split}".strip(),
        role="exploratory",
    )
    places = [
        finding(
            f"{data}: without a ridge the {what} peaks at as many features as examples.",
            analysis.of_medians(functools.partial(analysis.peak_centre, ratios), values[name][:, -1, 0]),
            low=1 - PLACE_TOLERANCE,
            high=1 + PLACE_TOLERANCE,
            unit="N / n at the centre of the peak",
            detail="Centre, in log N, of the interval above half height of the median over redraws.",
            given=given,
            role=role,
        )
        for name, what, given, role in (
            ("risk", "test risk", (peak,), "primary"),
            ("coefficient_norm", "norm of the coefficients", (), "exploratory"),
        )
    ]
    noise = finding(
        f"{data}: label noise adds more than twice as much risk at N = n as at either end of the sweep.",
        analysis.of_medians(added, risk[:, -1, 0] - risk[:, 0, 0]),
        low=TWICE,
        unit="risk added at N = n / the larger of those added at the ends",
        detail="The most label noise against the least, on the same sample; medians over redraws.",
        given=(peak,),
    )
    claim = f"{data}: the largest ridge removes the peak, at the most label noise too."
    left, detail = analysis.of_medians(stands, noisy[:, -1]), "1 or less: monotone."
    removed = finding(claim, left, high=NO_PEAK, unit=unit, detail=detail, given=(peak,))
    averaged = finding(
        f"{data}: the average over {members} feature draws has less than half of the risk of one at N = n.",
        analysis.median_over_seeds(values["ensemble_risk"][:, -1, 0, at] / risk[:, -1, 0, at]),
        high=HALF,
        unit="risk of the average / mean risk of its members, at N = n",
        detail="Median over redraws.",
        given=(peak,),
        role="exploratory",
    )
    return [peak, *places, noise, removed, averaged]


def figure(ds: Dataset) -> Figure:
    """Three panels of the sphere, three of images."""
    config, tables = config_of(ds), {data: table(ds, data) for data in DATA}
    sphere, images, (ratios, values) = config["sphere"], config["images"], tables["sphere"]
    fine = np.unique(np.concatenate([np.geomspace(ratios[0], ratios[-1], 200), ratios]))
    exact = _sphere.sphere_risk(fine, sphere, sphere["label_noise"])

    def curve(data: str, label: str, name: str = "risk", noise: int = -1, ridge: int = 0) -> Curve:
        x, found = tables[data]
        shown = Curve(label, x, found[name][:, noise, ridge], statistic="median")
        known = data == "sphere" and name == "risk"
        return shown._replace(exact_x=fine, exact=exact[noise, ridge]) if known else shown

    def by_ridge(data: str, name: str = "risk") -> list[Curve]:
        labels = [f"ridge {value:g}" if value else "no ridge" for value in config[data]["ridges"]]
        return [curve(data, label, name, ridge=i) for i, label in enumerate(labels)]

    def by_noise(data: str, name: str = "risk") -> list[Curve]:
        return [curve(data, f"label noise {v:g}", name, i) for i, v in enumerate(config[data]["label_noise"])]

    def panel(title: str, y_label: str, curves: list[Curve], **options: Any) -> Panel:
        options |= {"x_scale": "log", "y_scale": "log", "marks": ((1.0, "N = n"),)}
        return Panel(title, "features / examples, N / n", y_label, tuple(curves), **options)

    noisy, errors = (f"label noise {leaves['label_noise'][-1]:g}" for leaves in (sphere, images))
    task, risk, average = images["task"], "risk (squared error)", f"average of {config['members']} draws"
    limits = (0.5 * float(exact[np.isfinite(exact)].min()), 30.0)
    draws = [curve("sphere", "one draw"), curve("sphere", average, "ensemble_risk")]
    wrong = [*by_noise("images", "test_error"), curve("images", f"{errors}, {average}", "ensemble_test_error")]
    norms = by_ridge("images", "coefficient_norm")
    panels = [
        panel(f"sphere, {noisy}", risk, by_ridge("sphere"), y_limits=limits),
        panel("sphere, no ridge", risk, by_noise("sphere"), y_limits=limits),
        panel(f"sphere, no ridge, {noisy}", risk, draws, y_limits=limits),
        panel(f"{task}, {errors}", risk, by_ridge("images")),
        panel(f"{task}, no ridge", "share of wrong test images", wrong, y_limits=(0.01, 1.0)),
        panel(f"{task}, {errors}", "norm of the coefficients", norms),
    ]
    note = (
        f"sphere: d = {sphere['dimension']}, n = {sphere['num_train']}, ReLU features, peak cut; "
        f"{task}: n = {images['num_train']}, {images['features']}, one split into pool and test; float64; "
        f"{len(values['risk'])} redraws: medians; dashes: the closed form, of the mean"
    )
    return draw_panels(panels, note=note)
