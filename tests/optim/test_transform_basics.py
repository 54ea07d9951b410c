"""The private helpers of the room: dtypes are kept, and what cannot be traced says so."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gendyn.core import ConfigError
from gendyn.optim import butterworth, grokfast_ma, keep_dtypes, linear_filter, muon
from gendyn.optim._checks import check_flag
from gendyn.optim.learning_rate import check_learning_rate


def test_keep_dtypes_is_needed_and_sufficient():
    params = jnp.ones(3, jnp.bfloat16)
    swept = optax.trace(decay=jnp.float32(0.9))
    _, drifted = swept.update(params, swept.init(params))
    assert drifted.trace.dtype == jnp.float32
    updates, state = keep_dtypes(swept).update(params, swept.init(params))
    assert (updates.dtype, state.trace.dtype) == (jnp.bfloat16, jnp.bfloat16)


def test_keep_dtypes_rounds_once():
    """1 + 0.9 in float32 and then bfloat16; 0.9 rounded to bfloat16 first would give another sum."""
    ones = jnp.full(1, 3.0, jnp.bfloat16)
    transform = keep_dtypes(optax.trace(decay=jnp.float32(0.9)))
    _, state = transform.update(ones, transform.init(ones))
    updates, _ = transform.update(ones, state)
    assert float(updates[0]) == float(jnp.bfloat16(3.0 + 0.9 * 3.0))


def test_keep_dtypes_leaves_float32_alone():
    params = jnp.linspace(0, 1, 5)
    plain = optax.adam(0.1)
    for a, b in zip(
        jax.tree.leaves(plain.update(params, plain.init(params), params)),
        jax.tree.leaves(keep_dtypes(plain).update(params, plain.init(params), params)),
        strict=True,
    ):
        assert jnp.array_equal(a, b)


def test_a_traced_learning_rate_and_a_schedule_pass():
    jax.jit(lambda rate: check_learning_rate(rate) or rate)(-1.0)
    check_learning_rate(lambda step: -1.0)
    with pytest.raises(ConfigError, match=r"^learning_rate = -1\.0 must be in \[0, inf\)"):
        check_learning_rate(-1.0)


def test_a_flag_cannot_be_traced():
    check_flag("nesterov", False)
    with pytest.raises(ConfigError, match=r"^nesterov = .* must be True or False"):
        jax.vmap(lambda flag: check_flag("nesterov", flag) or flag)(jnp.array([True, False]))


@pytest.mark.parametrize(
    ("factory", "argument", "value"),
    [
        (grokfast_ma, "window", 4),
        (butterworth, "order", 2),
        (linear_filter, "numerator", np.ones(3)),
        (muon, "num_iterations", 5),
    ],
)
def test_what_is_static_says_so_of_an_injected_array(factory, argument, value):
    def inject(**options):
        transform = optax.inject_hyperparams(factory, **options)(**{argument: value})
        return jax.jit(transform.init)(jnp.zeros(2))

    with pytest.raises(
        ConfigError, match=rf'{argument} is an array, but must be static.*static_args=\("{argument}",\)'
    ):
        inject()
    assert argument not in inject(static_args=(argument,)).hyperparams


def test_muon_leaves_a_matrix_without_entries_alone():
    """It has no norm to divide by; and every other matrix is orthogonalised as without it."""
    matrix, transform = {"a": jnp.arange(6.0).reshape(2, 3)}, muon(0.1)
    both = {**matrix, "empty": jnp.zeros((0, 3))}
    alone, found = (transform.update(p, transform.init(p), p)[0] for p in (matrix, both))
    assert found["empty"].shape == (0, 3)
    np.testing.assert_array_equal(found["a"], alone["a"])
