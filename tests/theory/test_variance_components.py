"""The identity, orthogonality, additive and interaction models, and unbiasedness over redraws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gendyn import theory
from gendyn.core import ConfigError

FACTORS = ("noise", "init", "sample")
SETS = ("noise", "init", "sample", "noise:init", "noise:sample", "init:sample", "noise:init:sample")


@settings(max_examples=25, deadline=None)
@given(levels=st.lists(st.integers(2, 5), min_size=1, max_size=4), seed=st.integers(0, 2**31))
def test_components_sum_to_the_variance_for_any_numbers(levels, seed):
    rng = np.random.default_rng(seed)
    predictions = rng.standard_cauchy(size=(*levels, 3)) + 5
    names = [f"factor_{axis}" for axis in range(len(levels))]
    found = theory.variance_components(predictions, factors=names, unbiased=False)
    axes = tuple(range(len(levels)))
    np.testing.assert_allclose(found.total, predictions.var(axis=axes), rtol=1e-9)
    assert len(found.components) == 2 ** len(levels) - 1
    assert all(np.all(part >= 0) for part in found.components.values())


def model(rng, levels, scales):
    """``sum over sets of scale * independent standard normal effect of the levels of the set``."""
    total = np.zeros(levels)
    for name, scale in zip(SETS, scales, strict=True):
        shape = [size if factor in name.split(":") else 1 for factor, size in zip(FACTORS, levels, strict=True)]
        total = total + scale * rng.normal(size=shape)
    return total


def test_an_additive_model_has_no_interactions():
    rng = np.random.default_rng(0)
    predictions = model(rng, (4, 5, 6), (1.0, 2.0, 0.5, 0, 0, 0, 0))
    for unbiased in (False, True):
        found = theory.variance_components(predictions, unbiased=unbiased).components
        assert tuple(found) == SETS
        for name in SETS[3:]:
            assert abs(found[name]) < 1e-14
    # One factor alone: the usual estimate of a variance.
    alone = model(rng, (2, 7, 2), (0, 1.0, 0, 0, 0, 0, 0))
    found = theory.variance_components(alone).components
    assert found["init"] == pytest.approx(np.var(alone[0, :, 0], ddof=1)) and abs(found["sample"]) < 1e-14


def test_a_product_is_pure_interaction():
    noise, init = np.array([-1.0, 1.0]), np.array([-2.0, 0.0, 2.0])
    found = theory.variance_components(noise[:, None] * init, factors=("noise", "init"), unbiased=False).components
    assert found["noise"] == pytest.approx(0) and found["init"] == pytest.approx(0)
    assert found["noise:init"] == pytest.approx(8 / 3)


def test_unbiased_components_of_interaction_models():
    scales = np.array([1.0, 0.5, 1.5, 0.7, 1.2, 0.3, 0.8])
    rng = np.random.default_rng(1)
    draws = 3000
    predictions = np.stack([model(rng, (3, 4, 3), scales) for _ in range(draws)], axis=-1) + 2.0
    found = theory.variance_components(predictions, target=0.5)
    plain = theory.variance_components(predictions, target=0.5, unbiased=False)
    for name, scale in zip(SETS, scales, strict=True):
        values = found.components[name]
        assert values.shape == (draws,)
        assert abs(values.mean() - scale**2) < 4 * values.std() / np.sqrt(draws), name
    total = np.sum(scales**2)
    assert abs(found.total.mean() - total) < 4 * found.total.std() / np.sqrt(draws)
    assert abs(found.squared_bias.mean() - 1.5**2) < 4 * found.squared_bias.std() / np.sqrt(draws)
    # What is not corrected for the number of levels is off by far more than its standard error.
    assert plain.total.mean() < total - 4 * plain.total.std() / np.sqrt(draws)
    assert plain.squared_bias.mean() > 1.5**2 + 4 * plain.squared_bias.std() / np.sqrt(draws)


def test_ensembles_remove_what_involves_them():
    scales = np.array([1.0, 0.5, 1.5, 0.7, 1.2, 0.3, 0.8])
    components = {name: scale**2 for name, scale in zip(SETS, scales, strict=True)}
    assert theory.averaged_variance(components, {}) == pytest.approx(np.sum(scales**2))
    rng = np.random.default_rng(2)
    draws = 20_000
    # Four initialisations and two samples averaged for one draw of the label noise.
    means = np.array([model(rng, (1, 4, 2), scales).mean() for _ in range(draws)])
    expected = theory.averaged_variance(components, {"init": 4, "sample": 2})
    assert np.var(means) == pytest.approx(expected, rel=5 * np.sqrt(2 / draws))
    many = theory.averaged_variance(components, {"init": 10**9})
    assert many == pytest.approx(1.0 + 1.5**2 + 1.2**2)


def test_least_squares_variance_comes_from_noise_and_sample():
    """Without features to draw there is nothing of ``init``; noise alone has mean 0 over the sample's signs."""
    rng = np.random.default_rng(4)
    n, d, levels = 12, 4, (6, 3, 40)
    coefficients, fresh = rng.normal(size=d), rng.normal(size=(200, d))
    designs, noises = rng.normal(size=(levels[2], n, d)), rng.normal(size=(levels[0], n))
    predictions = np.empty((*levels, 200))
    for i, noise in enumerate(noises):
        for k, x in enumerate(designs):
            predictions[i, :, k] = fresh @ np.linalg.lstsq(x, x @ coefficients + noise, rcond=None)[0]
    found = theory.variance_components(predictions, target=fresh @ coefficients)
    parts = {name: value.mean() for name, value in found.components.items()}
    for name in SETS:
        if "init" in name:
            assert abs(parts[name]) < 1e-12
    # E |w - b|^2 = d / (n - d - 1) at noise 1, all of it the interaction of noise and sample.
    assert parts["noise:sample"] == pytest.approx(d / (n - d - 1) * np.mean(fresh**2), rel=0.25)
    assert abs(parts["noise"]) < 0.1 * parts["noise:sample"] and abs(found.squared_bias.mean()) < 0.02


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match=r"shape \(3, 1, 3\) must have an axis of at least 2 levels"):
        theory.variance_components(np.ones((3, 1, 3)))
    with pytest.raises(ConfigError, match=r"shape \(3, 3\) must have an axis"):
        theory.variance_components(np.ones((3, 3)))
    with pytest.raises(ConfigError, match="must be different names without colons"):
        theory.variance_components(np.ones((3, 3)), factors=("noise", "noise"))
    with pytest.raises(ConfigError, match=r"draws names 'inits', not one of init, noise\. Did you mean 'init'"):
        theory.averaged_variance({"noise": 1.0, "init": 1.0}, {"inits": 3})
    with pytest.raises(ConfigError, match=r"draws\['init'\] = 0 must be in \[1, inf\)"):
        theory.averaged_variance({"noise": 1.0, "init": 1.0}, {"init": 0})
