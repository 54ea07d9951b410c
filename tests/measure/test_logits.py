"""Margins and softmax collapse against NumPy."""

import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.measure import collapsed, logit_margin


def test_the_margin_is_the_lead_over_the_best_other_class():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(9, 5)), rng.integers(0, 5, 9)
    others = np.where(np.eye(5, dtype=bool)[labels], -np.inf, logits).max(1)
    np.testing.assert_allclose(logit_margin(logits, labels), logits[np.arange(9), labels] - others, rtol=1e-5)


def test_a_softmax_collapses_at_a_lead_of_24_ln_2():
    # Half a unit in the last place of 1; the lead of a wrong class collapses nothing.
    leads = jnp.array([[16.5, 0.0], [16.8, 0.0], [0.0, 16.8]])
    assert collapsed(leads, jnp.array([0, 0, 0])).tolist() == [False, True, False]


@pytest.mark.parametrize("function", [logit_margin, collapsed])
def test_labels_must_be_classes(function):
    with pytest.raises(ConfigError, match=r"labels float32 \(3, 2\).*for classification"):
        function(jnp.ones((3, 2)), jnp.ones((3, 2)))
