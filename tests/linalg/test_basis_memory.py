"""Bases that would not fit are refused before anything is compiled, with what to set instead."""

import jax
import jax.numpy as jnp
import pytest

from gendyn.core import ConfigError, memory
from gendyn.linalg import lanczos, log_determinant, spectral_density, top_eigenpairs, trace

START = jnp.ones(1000)  # vectors of 4 kB
KEY = jax.random.key(0)
TOO_MUCH = {
    "lanczos": (lambda **o: lanczos(lambda v: v, START, 30, **o), r"120 kB for 30 vectors.*num_steps to at most 25"),
    "pairs": (
        lambda **o: top_eigenpairs(lambda v: v, START, 4, key=KEY, max_basis=20, **o),
        r"136 kB for 34 vectors.*max_basis to at most 14",
    ),
    "many pairs": (lambda **o: top_eigenpairs(lambda v: v, START, 20, key=KEY, **o), r"20 pairs do not fit at all"),
    "density": (
        lambda **o: spectral_density(lambda v: v, START, key=KEY, num_probes=9, num_steps=15, batch_size=2, **o),
        r"120 kB for 30 vectors.*num_steps to at most 12, or batch_size=1",
    ),
    "log determinant": (
        lambda **o: log_determinant(lambda v: v, START, key=KEY, num_probes=2, num_steps=30, **o),
        r"num_steps to at most 25",
    ),
    "hutch++": (
        lambda **o: trace(lambda v: v, START, key=KEY, num_probes=90, method="hutch++", **o),
        r"num_probes to at most 75, or method='hutchinson'",
    ),
    "xtrace": (
        lambda **o: trace(lambda v: v, START, key=KEY, num_probes=30, method="xtrace", **o),
        r"num_probes to at most 25, or method='hutchinson'",
    ),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_does_not_fit_is_refused_while_it_is_traced(name):
    call, message = TOO_MUCH[name]
    with pytest.raises(ConfigError, match=message + r".*, or pass a larger memory_limit"):
        jax.eval_shape(lambda: call(memory_limit=100e3))
    jax.eval_shape(lambda: call(memory_limit=1e6))  # and nothing is refused that fits


def test_the_default_limit_is_what_is_free(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda: 50_000)
    with pytest.raises(ConfigError, match=r"120 kB needed .*, free memory is 50 kB; set num_steps to at most 12\.$"):
        lanczos(lambda v: v, START, 30)


def test_a_limit_is_positive():
    with pytest.raises(ConfigError, match=r"memory_limit = -1\.0 must be in"):
        lanczos(lambda v: v, START, 3, memory_limit=-1.0)
