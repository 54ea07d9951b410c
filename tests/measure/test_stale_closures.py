"""An instrument answers for what the function reads now, not for what it read when its program was made."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import measure
from gendyn.core import ConfigError
from gendyn.linalg import Eigenpairs
from gendyn.measure.curvature import hessian
from gendyn.measure.kernels import ntk

READ = {"scale": 1.0}
W = jnp.array([[1.0, 2.0], [3.0, 0.5]])
X = jnp.array([[1.0, 0.0], [1.0, 2.0], [0.5, 1.0]])
Y = jnp.zeros(3)


def loss(w):
    return READ["scale"] * jnp.sum(w**3)


def network(w, x):
    return READ["scale"] * (x @ w)


def plain(w, x):
    return x @ w


def half_square(f, y):
    return jnp.sum((f - y[:, None]) ** 2, axis=1) / 2


def scaled_square(f, y):
    return READ["scale"] * half_square(f, y)


def top(matvec):
    return matvec(W)


INSTRUMENTS = {
    "hessian": (1, lambda: top(measure.hessian_matvec(loss, W))),
    "hessian at every product": (1, lambda: top(measure.hessian_matvec(loss, W, linearise=False))),
    "operator": (2, lambda: top(measure.hessian_operator(network, half_square, W, X, Y))),
    "operator in blocks": (2, lambda: top(measure.hessian_operator(network, half_square, W, X, Y, batch_size=2))),
    "loss of an operator": (1, lambda: top(measure.ggn_matvec(plain, scaled_square, W, X, Y))),
    "kernel": (2, lambda: measure.empirical_ntk(network, W, X)),
    "kernel by products": (2, lambda: measure.empirical_ntk(network, W, X, strategy="products")),
}


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_an_instrument_answers_for_what_its_function_reads_now(name, monkeypatch):
    power, instrument = INSTRUMENTS[name]
    monkeypatch.setitem(READ, "scale", 1.0)
    before = np.asarray(instrument())
    monkeypatch.setitem(READ, "scale", 10.0)
    np.testing.assert_allclose(instrument(), 10.0**power * before, rtol=1e-4)
    monkeypatch.setitem(READ, "scale", 1.0)
    np.testing.assert_array_equal(instrument(), before)  # by the program that was kept


def test_the_search_for_eigenvalues_of_a_kernel_is_keyed_by_what_its_function_reads(monkeypatch):
    keys = []

    def search(apply, kind, k, *_):
        keys.append(apply)
        return Eigenpairs(jnp.zeros(k), jnp.zeros((k, *Y.shape, 2)), jnp.zeros(k), 1, True)

    monkeypatch.setattr(ntk, "_top_pairs", search)
    for scale in (1.0, 10.0, 1.0):
        monkeypatch.setitem(READ, "scale", scale)
        measure.ntk_eigh(network, W, X, k=1)
    assert keys[0] == keys[2] and keys[0] != keys[1]


def test_a_program_is_kept_for_the_next_call():
    measure.hessian_matvec(loss, W)
    kept = hessian._linearised_gradient._cache_size()
    measure.hessian_matvec(loss, W + 1)
    assert hessian._linearised_gradient._cache_size() == kept > 0


def test_a_loss_that_was_refused_and_is_mended_is_looked_at_again():
    shape = {"mean": False}
    loss = lambda w: (w**2).mean() if shape["mean"] else w**2  # noqa: E731
    for _ in range(2):
        with pytest.raises(ConfigError, match="must be a real scalar"):
            measure.hessian_top(loss, jnp.ones(3), k=1, key=jax.random.key(0))
    shape["mean"] = True
    assert measure.hessian_top(loss, jnp.ones(3), k=1, key=jax.random.key(0)).values.shape == (1,)
