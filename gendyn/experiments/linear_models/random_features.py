"""Regression on random features: double descent in their number, on the sphere where it is solved, and on images.

Claim: The test risk and the coefficient norm of regression on ``N`` random features peak where ``N`` is ``n``, the
number of examples. On the sphere the risk is the closed form of Mei & Montanari. Label noise raises the peak, a ridge
removes it, and averaging the predictions of several feature draws lowers it.

Refuted if: on the sphere a mean over redraws is more than 6 % from the closed form, without a ridge at ``|N / n - 1| >=
0.25`` or with one anywhere; a peak is more than 5 % from ``n``; label noise adds less than twice as much risk there as
at the ends of the sweep; with the largest ridge a peak stands 10 % over its valleys; averaging ``K`` draws leaves more
than half of the risk at ``N = n``.

Setting: *sphere*: ``x`` and the directions of the ReLU features uniform on the sphere of radius ``sqrt(d)``, ``y = b .
x / sqrt(d) + noise`` with ``b`` on the same sphere, means over ``num_targets`` such ``b`` with a noise each, and the
penalty ``(n N ridge / d) |a|^2`` beside the sum of squared errors. *images*: ``n`` training images out of the task's
pool, anew in each redraw, flattened and divided by ``sqrt(d)``; random Fourier or ReLU features; one-hot targets, of
which a share ``label_noise`` is that of another class; the penalty is ``N ridge |a|^2``. All numbers of features of a
redraw are prefixes of one draw. Risk is against noiseless targets on inputs that are not in the sample. Float64:
without a ridge the condition number at ``N = n`` exceeds 1e6 in single redraws.

Without a ridge the risk at ``N = n`` has no mean, so everything said about that place is about medians over redraws.

Cost: the default, 100 redraws on each kind of data (10,200 decompositions), took 110 s of CPU time on one core of an
x86-64 machine under several times its load.

Reference: Mei & Montanari (2022), arXiv:1908.05355; Belkin, Hsu, Ma & Mandal (2019), arXiv:1812.11118, figure 2
(random Fourier features on MNIST); d'Ascoli, Refinetti, Biroli & Krzakala (2020), arXiv:2003.01054 (ensembles).
"""

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gendyn import theory
from gendyn.analysis import agreement, bootstrap, config_of, finding, interior_peak, peak_centre
from gendyn.core import ConfigError, check_positive_int, check_range
from gendyn.experiments._redraws import axes_of, check_ascending, finished_runs, redraw_groups
from gendyn.experiments.linear_models._feature_sweep import Setting, redraws
from gendyn.experiments.linear_models._images import image_features, image_sample
from gendyn.experiments.linear_models._sphere import feature_counts, sphere_penalty, sphere_sample
from gendyn.plots.theory_panels import Curve, Panel, theory_panels
from gendyn.regression import random_sphere_features
from gendyn.sweep import Measured, simulate
from gendyn.types import Array, Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

TOLERANCE = 0.06
"""Relative, of a mean on the sphere: corrections to the limit are of order ``1 / d``."""
OFF_PEAK = 0.25
"""``|N / n - 1|`` from which on the ridgeless risk is compared: nearer to the peak its mean over redraws is erratic."""
PLACE_TOLERANCE = 0.05
"""Of the place of a peak."""
NO_PEAK = 1.1
"""Peak over the higher of its valleys below which there is none."""
TWICE = 2.0
"""What label noise adds to the risk at ``N = n``, over what it adds at the ends of the sweep."""
HALF = 0.5
"""Share of the risk at ``N = n`` that an ensemble may leave."""
AXES = ("data", "seed")
DATA = ("sphere", "images")


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Computes every redraw on the sphere and on images, or those that ``workdir`` lacks.

    Returns:
        Dimensions ``run``, ``record`` (one) and for each measured quantity label noise ``V``, ridge ``L`` and number
        of features ``P``: ``risk``, ``test_error``, ``coefficient_norm`` (means over the draws of an ensemble, each on
        its own), ``ensemble_risk``, ``ensemble_test_error``; and ``condition_number [P]``.

    Raises:
        ConfigError: a leaf out of range, or a ``workdir`` that holds something else.
    """
    settings, shape, axes = _settings(config)

    def redraw(seeds: Array, data: str) -> dict[str, Array]:
        return redraws(settings[data], seeds)

    names = {
        "risk": "mean squared error against noiseless targets, of one feature draw",
        "ensemble_risk": "mean squared error against noiseless targets, of the average over feature draws",
        "test_error": "share of wrong test points (sphere: wrong signs), of one feature draw",
        "ensemble_test_error": "share of wrong test points (sphere: wrong signs), of the average over feature draws",
        "coefficient_norm": "norm of the coefficients of features divided by sqrt(N)",
    }
    measured = {name: Measured(long_name, shape, "float64") for name, long_name in names.items()}
    measured["condition_number"] = Measured("largest condition number of the features of a sample", shape[-1:])
    groups = redraw_groups(axes, redraw)
    return simulate(config.to_dict(), workdir, groups, measured, runs_at_once=config.runs_at_once)


class Table(NamedTuple):
    """The redraws on one kind of data."""

    sizes: np.ndarray
    """``[P]``."""
    ratios: np.ndarray
    """``N / n``, ``[P]``."""
    values: dict[str, np.ndarray]
    """Measured quantities of finished redraws, ``[S, V, L, P]``."""


def table(ds: "xarray.Dataset", data: str) -> Table:
    """The finished redraws of one kind of data.

    Raises:
        ConfigError: none is finished.
    """
    runs, config = finished_runs(ds, {"data": data}), config_of(ds)
    values = {str(name): np.asarray(ds[name].values, float)[runs, 0] for name in ds.data_vars}
    num_train = config[data]["num_train"]
    sizes = np.array(feature_counts(config["ratios"], num_train))
    return Table(sizes, sizes / num_train, values)


def closed_form(ds: "xarray.Dataset", ratios: np.ndarray) -> np.ndarray:
    """Risk on the sphere at ``N / n = ratios [Q]``: ``[V, L, Q]``."""
    sphere = config_of(ds)["sphere"]
    examples = sphere["num_train"] / sphere["dimension"]
    return theory.random_features_risk(
        ratios * examples,
        examples,
        ridge=np.array(sphere["ridges"])[:, None],
        noise_variance=np.array(sphere["label_noise"])[:, None, None],
    )


def figure(ds: "xarray.Dataset") -> "Figure":
    """On the sphere: ridges, label noise, ensembles on the closed form; on images: the same, and norms."""
    config = config_of(ds)
    sphere, images = table(ds, "sphere"), table(ds, "images")
    fine = np.unique(np.concatenate([np.geomspace(sphere.ratios[0], sphere.ratios[-1], 200), sphere.ratios]))
    exact = closed_form(ds, fine)
    members = config["members"]
    at_peak = ((1.0, "N = n"),)
    one, all_of_them = "one draw", f"average of {members} draws"

    def curve(
        found: Table, label: str, name: str = "risk", noise: int = -1, level: int = 0, form: bool = False
    ) -> Curve:
        rows = found.values[name][:, noise, level]
        return Curve(
            label,
            found.ratios,
            rows,
            fine if form else np.empty(0),
            exact[noise, level] if form else np.empty(0),
            statistic="median",
        )

    def panel(title: str, y_label: str, curves: list[Curve], limits: tuple[float, float] | None = None) -> Panel:
        return Panel(title, "features / examples, N / n", y_label, tuple(curves), "log", "log", at_peak, limits)

    def ridges(data: str) -> list[str]:
        return [f"ridge {value:g}" if value else "no ridge" for value in config[data]["ridges"]]

    def noises(data: str) -> list[str]:
        return [f"label noise {value:g}" for value in config[data]["label_noise"]]

    noisy = f"label noise {config['sphere']['label_noise'][-1]:g}"
    task, errors = config["images"]["task"], f"label noise {config['images']['label_noise'][-1]:g}"
    limits = (0.5 * float(exact[np.isfinite(exact)].min()), 30.0)
    panels = [
        panel(
            f"sphere, {noisy}",
            "risk (squared error)",
            [curve(sphere, label, level=i, form=True) for i, label in enumerate(ridges("sphere"))],
            limits,
        ),
        panel(
            "sphere, no ridge",
            "risk (squared error)",
            [curve(sphere, label, noise=i, form=True) for i, label in enumerate(noises("sphere"))],
            limits,
        ),
        panel(
            f"sphere, no ridge, {noisy}",
            "risk (squared error)",
            [curve(sphere, one, form=True), curve(sphere, all_of_them, "ensemble_risk")],
            limits,
        ),
        panel(
            f"{task}, {errors}",
            "risk (squared error)",
            [curve(images, label, level=i) for i, label in enumerate(ridges("images"))],
        ),
        panel(
            f"{task}, no ridge",
            "share of wrong test images",
            [curve(images, label, "test_error", i) for i, label in enumerate(noises("images"))]
            + [curve(images, f"{errors}, {all_of_them}", "ensemble_test_error")],
            (0.01, 1.0),
        ),
        panel(
            f"{task}, {errors}",
            "norm of the coefficients",
            [curve(images, label, "coefficient_norm", level=i) for i, label in enumerate(ridges("images"))],
        ),
    ]
    note = (
        f"sphere: d = {config['sphere']['dimension']}, n = {config['sphere']['num_train']}, ReLU features, peak cut; "
        f"{task}: n = {config['images']['num_train']}, {config['images']['features']}; "
        f"float64; {len(sphere.values['risk'])} redraws"
    )
    return theory_panels(panels, note=note)


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Agreement on the sphere, and on both kinds of data: place, label noise, ridge, ensembles."""
    sphere = table(ds, "sphere")
    exact = closed_form(ds, sphere.ratios)
    risk = sphere.values["risk"]
    away = np.abs(sphere.ratios - 1) >= OFF_PEAK
    redraws = len(risk)
    found = [
        agreement(
            f"On the sphere, without a ridge, the risk away from the peak is the closed form's within {TOLERANCE:.0%}.",
            risk[:, :, 0, away].reshape(redraws, -1),
            exact[:, 0, away].ravel(),
            tolerance=TOLERANCE,
        ),
        agreement(
            f"On the sphere, with a ridge, the risk is the closed form's within {TOLERANCE:.0%} everywhere.",
            risk[:, :, 1:].reshape(redraws, -1),
            exact[:, 1:].ravel(),
            tolerance=TOLERANCE,
        ),
    ]
    for data in DATA:
        found += _peak_findings(table(ds, data), data, config_of(ds)["members"])
    return found


def _peak_findings(drawn: Table, data: str, members: int) -> list[Finding]:
    values, ratios = drawn.values, drawn.ratios
    at = int(np.argmin(np.abs(ratios - 1)))

    def place(rows: np.ndarray) -> np.ndarray:
        return peak_centre(ratios, np.median(rows, axis=1))

    def prominence(rows: np.ndarray) -> np.ndarray:
        return np.asarray(interior_peak(np.median(rows, axis=1)).prominence)

    def added(rows: np.ndarray) -> np.ndarray:
        medians = np.median(rows, axis=1)
        return np.asarray(medians[:, at] / np.maximum(medians[:, 0], medians[:, -1]))

    found = [
        finding(
            f"{data}: without a ridge the {what} peaks at as many features as examples.",
            bootstrap(place, values[name][:, -1, 0]),
            low=1 - PLACE_TOLERANCE,
            high=1 + PLACE_TOLERANCE,
            unit="N / n at the centre of the peak",
            detail="Centre, in log N, of the interval above half height of the median over redraws.",
        )
        for name, what in (("risk", "test risk"), ("coefficient_norm", "norm of the coefficients"))
    ]
    found.append(
        finding(
            f"{data}: label noise adds more than twice as much risk at N = n as at either end of the sweep.",
            bootstrap(added, values["risk"][:, -1, 0] - values["risk"][:, 0, 0]),
            low=TWICE,
            unit="risk added at N = n / the larger of those added at the ends",
            detail="The most label noise against the least, on the same sample; medians over redraws.",
        )
    )
    found.append(
        finding(
            f"{data}: the largest ridge removes the peak, label noise and all.",
            bootstrap(prominence, values["risk"][:, -1, -1]),
            high=NO_PEAK,
            unit="prominence",
            detail="1 or less: monotone.",
        )
    )
    found.append(
        finding(
            f"{data}: the average over {members} feature draws has less than half of the risk of one at N = n.",
            bootstrap(
                lambda one, all_of_them: np.median(all_of_them / one, axis=1),
                values["risk"][:, -1, 0, at],
                values["ensemble_risk"][:, -1, 0, at],
            ),
            high=HALF,
            unit="risk of the average / mean risk of its members, at N = n",
            detail="Median over redraws.",
        )
    )
    return found


def _settings(
    config: "ml_collections.ConfigDict",
) -> tuple[dict[str, Setting], tuple[int, int, int], dict[str, tuple[Any, ...]]]:
    """The program of each kind of data, the shape ``(V, L, P)`` of what both measure, and the axes."""
    for name, low in (("members", 2), ("runs_at_once", 1)):
        check_positive_int(f"config.{name}", config[name], low=low)
    axes = axes_of(config, AXES)
    if axes["data"] != DATA:
        raise ConfigError(f"config.axes: data = {axes['data']} must be {DATA}: the claims are about both.")
    for data in DATA:
        part = config[data]
        check_positive_int(f"config.{data}.num_train", part.num_train, low=2)
        check_positive_int(f"config.{data}.num_test", part.num_test)
        if len(part.ridges) < 2 or part.ridges[0] != 0:
            raise ConfigError(f"config.{data}.ridges = {part.ridges} must be 0 and at least one ridge: the claims ask.")
        check_range(f"config.{data}.ridges", np.array(part.ridges), low=0)
        check_range(f"config.{data}.label_noise", np.array(part.label_noise), low=0)
        for name in ("ridges", "label_noise"):
            check_ascending(f"config.{data}.{name}", part[name], "the claims are about the smallest and the largest")
    sphere, images = config.sphere, config.images
    check_positive_int("config.sphere.dimension", sphere.dimension, low=2)
    check_positive_int("config.sphere.num_targets", sphere.num_targets)
    shapes = {(len(part.label_noise), len(part.ridges)) for part in (sphere, images)}
    if len(shapes) > 1 or len(sphere.label_noise) < 2:
        raise ConfigError(
            "config.sphere and config.images must have as many label_noise as each other, at least 2, and as many "
            "ridges: their results are one table."
        )
    sizes = {data: feature_counts(config.ratios, config[data].num_train) for data in DATA}
    settings = {
        "sphere": Setting(
            sizes["sphere"],
            int(config.members),
            random_sphere_features,
            functools.partial(
                sphere_sample,
                dimension=int(sphere.dimension),
                num_train=int(sphere.num_train),
                num_test=int(sphere.num_test),
                num_targets=int(sphere.num_targets),
                noise_variances=tuple(sphere.label_noise),
            ),
            lambda size: sphere_penalty(np.array(sphere.ridges), size, sphere.num_train, sphere.dimension),
            classes=False,
        ),
        "images": Setting(
            sizes["images"],
            int(config.members),
            image_features(images.features, float(images.lengthscale)),
            image_sample(
                images.task,
                num_train=int(images.num_train),
                num_test=int(images.num_test),
                label_noise=tuple(images.label_noise),
            ),
            lambda size: size * np.array(images.ridges),
            classes=True,
        ),
    }
    return settings, (*shapes.pop(), len(config.ratios)), axes
