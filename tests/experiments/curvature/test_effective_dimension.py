"""The verdict follows the data: N_eff that moves with the test loss supports the claim, a rising one refutes it."""

import json

import numpy as np
import pytest
import xarray

from configs.curvature import effective_dimension as config_file
from gendyn.core import ConfigError
from gendyn.experiments import launch
from gendyn.experiments.curvature import effective_dimension as experiment
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.smoke import points_of, smoke_config

WIDTHS = np.array([4, 8, 16, 32, 48, 64, 96, 128, 256])
ALPHAS = (0.1, 1.0)


def bump(width, at):
    return np.exp(-(np.log(width / at) ** 2) / 0.5)


def sweep(
    quadrature, *, seeds=8, fits_from=64, wrong_by=1.0, curvature="hessian", peak=1.0, scatter=0.005, random=None
):
    """Test loss peaks at width 64; ``quadrature`` maps widths to N_eff; the Ritz sum runs along its ceiling of 100."""
    random = np.random.default_rng(0) if random is None else random
    width, seed = (np.ravel(column) for column in np.meshgrid(WIDTHS, np.arange(seeds)))
    noise = np.exp(scatter * random.normal(size=(2, len(width))))
    whole = (quadrature(width) * noise[0])[:, None] / np.array([1.0, 3.0])
    naive = np.minimum(whole, 90 + 0.1 * random.normal(size=whole.shape))
    loss = (0.8 + peak * bump(width, 64)) * noise[1]
    error = np.where(width >= fits_from, 0.0, 0.2)
    dense = np.where((width <= 16)[:, None], whole / wrong_by, np.nan)
    records, probe = ("run", "record"), f"{experiment.PROBE}/"
    alphas = np.broadcast_to(ALPHAS, whole.shape)
    tables = {"quadrature": whole, "quadrature_standard_error": 0.02 * whole, "ritz": naive, "dense": dense}
    variables = {probe + name: ((*records, f"{name}_dim_0"), v[:, None]) for name, v in (*tables.items(), ("alpha", alphas))}  # fmt: skip  # noqa: E501
    scalars = {"train_loss": loss / 9, "test_loss": loss, "train_error": error, "test_error": error}
    scalars |= {probe + "ceiling": np.full(len(width), 100.0), "diverged": np.zeros(len(width), bool)}
    return xarray.Dataset(
        variables
        | {name: (records, value[:, None]) for name, value in scalars.items()}
        | {"num_parameters": ("run", 75 * width + 10)},
        coords={"model.width": ("run", width), "seed": ("run", seed), "step": ("record", np.array([100]))},
        attrs={
            "config": json.dumps(
                {"data": {"num_train": 400}, "probes": [f"{experiment.PROBE}(curvature={curvature!r})"]}
            ),
            "num_outputs": 10,
        },
    )


def rising(width):
    return 5.0 * width


def tracking(width):
    return 100.0 + 900 * bump(width, 64)


def verdicts(ds, part):
    return [found.verdict for found in experiment.verdict(ds) if part in found.claim]


def test_an_effective_dimension_that_only_grows_refutes_the_claim():
    ds = sweep(rising)
    assert verdicts(ds, "whole spectrum, alpha") == ["refuted"] * 4
    correlation = experiment.verdict(ds)[0]
    assert correlation.effect == -1.0 and "alpha = 0.1" in correlation.claim and "the 4 widths" in correlation.detail


def test_one_that_peaks_and_falls_with_the_test_loss_supports_it():
    assert verdicts(sweep(tracking), "whole spectrum, alpha") == ["supported"] * 4


def test_one_that_falls_with_the_loss_but_peaks_elsewhere_has_its_place_refuted():
    found = verdicts(sweep(lambda width: 100.0 + 900 * bump(width, 16)), "whole spectrum, alpha = 0.1")
    assert found == ["supported", "supported", "refuted"]


def test_a_test_loss_without_a_peak_leaves_nothing_to_follow():
    found = experiment.verdict(sweep(tracking, peak=0.0))
    assert [each.verdict for each in found if "(control)" in each.claim] != ["supported"]
    assert not [each.claim for each in found if each.verdict == "supported" and "test loss" in each.claim]


def test_roles():
    roles = [each.role for each in experiment.verdict(sweep(tracking))]
    assert [i for i, role in enumerate(roles) if role == "primary"] == [0, 2, 3]
    assert roles.index("check") == 9 and roles.count("check") == 1


def made_of(shape, scatter=0.1, **changes):
    """Six seeds, as in the default, with scatter."""
    return lambda random: sweep(shape, seeds=6, scatter=scatter, random=random, **changes)


def flat(width):
    return 500.0 + 0.0 * width


def hump_without_first_descent(width):
    return 1000.0 * (0.1 + bump(np.maximum(width, 16), 16))


PEAK = "interior peak"


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("no_effect", "true"),
    [
        (made_of(flat), "nothing"),
        (made_of(rising), "nothing"),
        # It falls beyond the threshold, as the test loss does, but has no valley before its peak.
        (made_of(hump_without_first_descent), "second descent"),
        # And here the test loss is flat.
        (made_of(tracking, peak=0.0), PEAK),
    ],
    ids=["flat", "rising", "hump without first descent", "flat test loss"],
)
def test_noise_supports_no_primary_claim(no_effect, true, count):
    assert too_often(false_support(experiment.verdict, no_effect, count), count, but=true) == {}


def test_a_sum_along_its_ceiling_decides_nothing_and_is_said_to_miss_most():
    ds = sweep(rising)
    assert verdicts(ds, "second descent (100 Ritz values") == ["undecided"] * 2
    assert verdicts(ds, "misses more than half") == ["supported"]
    assert verdicts(sweep(lambda width: 50.0 + 40 * bump(width, 64)), "misses more than half") == ["refuted"]


def test_an_estimate_that_dense_eigenvalues_contradict_is_found():
    assert verdicts(sweep(rising), "agrees with dense") == ["supported"]
    assert verdicts(sweep(rising, wrong_by=1.2), "agrees with dense") == ["refuted"]


def test_few_seeds_or_no_interpolation_decide_nothing():
    assert set(verdicts(sweep(tracking, seeds=2), "")) == {"undecided"}
    censored = experiment.verdict(sweep(rising, fits_from=1000))[0]
    assert censored.verdict == "undecided" and "needs 3 widths" in censored.detail


def test_unfinished_seeds_are_left_out_in_pairs():
    ds = sweep(rising)
    ds["test_loss"].values[3, -1] = np.nan
    found = experiment.verdict(ds)
    assert all("1 of 8 seeds are left out" in each.detail for each in found)
    assert found[0].verdict == "refuted"


def test_the_claims_are_about_networks_that_converge_and_say_how_many_do_not():
    ds = sweep(rising)
    ds["diverged"].values[3, -1] = True
    found = experiment.verdict(ds)
    rest = experiment.verdict(ds.isel(run=np.flatnonzero(ds["seed"] != ds["seed"][3])))
    np.testing.assert_array_equal([each[1:5] for each in found], [each[1:5] for each in rest])
    for each in found:
        assert "networks that converge" in each.claim
        assert "1 of 72 runs diverged; this is about seeds that converge." in each.detail


def lines(ax):
    return {line.get_label(): line.get_xydata() for line in ax.get_lines()}


def test_the_figure_draws_medians_of_each_method_its_ceiling_and_the_test_loss():
    ds = sweep(rising, curvature="ggn", seeds=3)
    width, seed = ds["model.width"].values, ds["seed"].values
    ds[f"{experiment.PROBE}/quadrature"].values[(width == 256) & (seed == 2)] = np.nan
    made = experiment.figure(ds)
    upper, lower = made.axes
    drawn = lines(upper)
    assert [text.get_text() for text in upper.get_legend().get_texts()][:3] == [
        "whole spectrum",
        "100 Ritz values",
        "dense eigenvalues",
    ]
    values = ds[f"{experiment.PROBE}/quadrature"].values[:, 0, 0]
    medians = [np.nanmedian(values[width == each]) for each in WIDTHS]
    np.testing.assert_allclose(drawn["whole spectrum"], np.stack([75 * WIDTHS + 10, medians], axis=1))
    assert len(drawn["dense eigenvalues"]) == 3
    loss = ds["test_loss"].values[:, -1]
    np.testing.assert_allclose(lines(lower)["test"][:, 1], [np.median(loss[width == each]) for each in WIDTHS])
    assert [text.get_text() for text in upper.texts] == ["ceiling of 100 Ritz values: 100"]
    assert [text.get_text() for text in upper.get_legend().get_texts()][3:] == ["n·K = 4,000"]
    assert all([4000.0, 4000.0] in [list(line.get_xdata()) for line in ax.lines] for ax in (upper, lower))
    # Two seeds are left at the last width: the weakest interval is the one that the caption may promise.
    caption = made.get_supxlabel()
    for part in (
        "Gauss-Newton matrix of the mean training loss",
        "alpha = 0.1",
        "standard error 2.0%",
        "50% intervals of the median",
    ):
        assert part in caption
    assert "Hessian of" in experiment.figure(sweep(rising)).get_supxlabel()


def test_a_sweep_without_the_probe_is_refused_before_anything_runs(tmp_path):
    message = r"config.probes = \('sharpness',\) must hold 'hessian_effective_dimension': add it"
    with pytest.raises(ConfigError, match=message):
        launch(smoke_config("effective_dimension", probes=("sharpness",)), tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with pytest.raises(ConfigError, match=r"no variable 'hessian_effective_dimension/quadrature'"):
        experiment.verdict(sweep(rising).drop_vars(f"{experiment.PROBE}/quadrature"))


def test_the_smoke_variant_measures_every_estimate(finished):
    _, ds = finished("effective_dimension")
    values = ds[f"{experiment.PROBE}/quadrature"].values
    assert values.shape == (8, 1, 2) and np.isfinite(values).all()
    assert (ds[f"{experiment.PROBE}/ritz"].values <= 20).all()
    assert np.isfinite(ds[f"{experiment.PROBE}/dense"].values).all()
    assert len(experiment.verdict(ds)) == 11


@pytest.mark.parametrize("variant", ["digits", "ggn"])
def test_variants_name_their_curvature(variant):
    config = config_file.get_config(variant)
    last = points_of(config)[-1].flat
    assert last["model.width"] == 256 and last["seed"] == last["task.split_seed"] == 5
    assert (variant == "ggn") == ("'ggn'" in config.probes[0])
