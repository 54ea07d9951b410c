"""The exact mean evidence over label noise: of nested models, and of one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import expected_log_evidence, nested_expected_log_evidences


def test_nested_models_have_the_evidences_of_each_alone():
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        design, clean = jnp.asarray(random.normal(size=(9, 12))), jnp.asarray(random.normal(size=9))
        variance = jnp.asarray(0.5 ** np.arange(12))
        found = nested_expected_log_evidences(design, clean, prior_variance=variance, noise_variance=1e-3)
        for count in (1, 4, 12):
            prior = {"prior_variance": variance[:count], "noise_variance": 1e-3}
            np.testing.assert_allclose(
                found[count - 1], expected_log_evidence(design[:, :count], clean, **prior), rtol=1e-9
            )
        jitted = jax.jit(lambda noise: nested_expected_log_evidences(design, clean, noise_variance=noise))
        alone = expected_log_evidence(design, clean, noise_variance=0.1)
        np.testing.assert_allclose(jitted(jnp.float64(0.1))[-1], alone, rtol=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prior_variance": jnp.ones(2)}, r"prior_variance \(2,\) a scalar or \[3\]"),
        ({"noise_variance": 0.0}, "noise_variance"),
        ({"clean": jnp.ones((4, 2))}, r"clean \(4, 2\) must be \[n\]"),
    ],
)
def test_bad_arguments_are_refused(changes, message):
    arguments = {"clean": jnp.ones(4), "noise_variance": 1.0} | changes
    with pytest.raises(ConfigError, match=message):
        nested_expected_log_evidences(jnp.ones((4, 3)), **arguments)
