"""A network of one hidden layer against gradients by hand."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError, normal, stream
from gendyn.regression import two_layer_descent, two_layer_widths


def test_the_network_is_gradient_descent_from_normal_draws():
    x = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    y = x[:, 0]
    for width in (2, 5):
        found = two_layer_descent(jax.random.key(1), x, y, x, width=width, steps=(1, 4), learning_rate=0.3)
        hidden = np.asarray(normal(stream(jax.random.key(1), "hidden"), (width, 3)))
        readout = np.asarray(normal(stream(jax.random.key(1), "readout"), (width,)))
        for step in range(1, 5):
            active = x @ hidden.T / np.sqrt(3)
            error = np.maximum(active, 0) @ readout / np.sqrt(width) - y
            to_readout = np.maximum(active, 0).T @ error / (7 * np.sqrt(width))
            to_hidden = ((error[:, None] * (active > 0)) * readout).T @ x / (7 * np.sqrt(3 * width))
            hidden, readout = hidden - 0.3 * to_hidden, readout - 0.3 * to_readout
            if step in (1, 4):
                expected = np.maximum(x @ hidden.T / np.sqrt(3), 0) @ readout / np.sqrt(width)
                np.testing.assert_allclose(found[(1, 4).index(step)], expected, rtol=1e-4, atol=1e-5)


def test_every_width_is_that_width_alone_in_float32():
    x, given = np.random.default_rng(0).normal(size=(7, 3)), {"steps": (1, 4), "learning_rate": 0.3}
    with jax.enable_x64(True):
        found = two_layer_widths(jax.random.key(1), x, x[:, 0], x, widths=(2, 5), **given)
        assert found.dtype == np.float32 and found.shape == (2, 2, 7)
        single = x.astype(np.float32)
        alone = two_layer_descent(jax.random.key(1), single, single[:, 0], single, width=5, **given)
    np.testing.assert_allclose(found[:, 1], alone, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "width = 0 must be an integer"),
        ({"steps": (3, 3)}, r"steps = \(3, 3\) must be ascending and above 0"),
        ({"steps": (0, 3)}, r"steps = \(0, 3\) must be ascending and above 0"),
        ({"learning_rate": 0.0}, "learning_rate = 0.0 must be in"),
    ],
)
def test_bad_arguments_are_refused(change, message):
    x = np.ones([4, 2], np.float32)
    with pytest.raises(ConfigError, match=message):
        two_layer_descent(
            jax.random.key(0), x, x[:, 0], x, **{"width": 2, "steps": (1,), "learning_rate": 0.1} | change
        )
