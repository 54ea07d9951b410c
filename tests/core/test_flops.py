"""Counted arithmetic and memory against closed forms."""

import jax
import jax.numpy as jnp
import pytest

from gendyn.core import solve_triangular
from gendyn.core.flops import count_flops, peak_bytes


@pytest.mark.parametrize(("batch", "fan_in", "fan_out"), [(1, 1, 1), (7, 3, 5), (32, 64, 10)])
def test_a_matrix_product(batch, fan_in, fan_out):
    x, w = jnp.ones((batch, fan_in)), jnp.ones((fan_in, fan_out))
    assert count_flops(lambda a, b: jnp.tanh(a @ b), x, w) == 2 * batch * fan_in * fan_out


def test_a_gradient_costs_three_products_of_a_hidden_layer_and_two_of_the_first():
    x, w, v = jnp.ones((7, 3)), jnp.ones((3, 5)), jnp.ones((5, 2))
    loss = jax.grad(lambda p: jnp.sum((jnp.tanh(x @ p[0]) @ p[1]) ** 2))
    assert count_flops(loss, (w, v)) == 2 * (2 * 7 * 3 * 5 + 3 * 7 * 5 * 2)


def test_loops_multiply_and_vmap_multiplies():
    w = jnp.ones((4, 4))
    one = 2 * 4**3
    looped = lambda x: jax.lax.scan(lambda carry, _: (carry @ w, None), x, length=9)[0]  # noqa: E731
    assert count_flops(looped, w) == 9 * one
    assert count_flops(jax.vmap(lambda a: a @ w), jnp.ones((6, 4, 4))) == 6 * one
    assert count_flops(jax.jit(lambda a: a @ w), w) == one


def test_of_a_linear_solve_the_solve_alone_is_run():
    product, solve = lambda x: 2 * x, lambda _, b: b @ jnp.eye(4) / 2
    found = count_flops(lambda b: jax.lax.custom_linear_solve(product, b, solve, solve), jnp.ones((4, 4)))
    assert found == 2 * 4**3
    assert count_flops(lambda b: solve_triangular(jnp.eye(4), b), jnp.ones((4, 4))) == 0  # no product


def test_a_branch_counts_as_its_dearest_side():
    w = jnp.ones((4, 4))
    branch = lambda x: jax.lax.cond(x[0, 0] > 0, lambda a: a @ w @ w, lambda a: a @ w, x)  # noqa: E731
    assert count_flops(branch, w) == 2 * 2 * 4**3


@pytest.mark.parametrize("groups", [1, 2])
def test_a_convolution(groups):
    x, kernel = jnp.ones((2, 8, 8, 4)), jnp.ones((3, 3, 4 // groups, 6))
    convolve = lambda a, k: jax.lax.conv_general_dilated(  # noqa: E731
        a, k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups
    )
    assert count_flops(convolve, x, kernel) == 2 * (2 * 8 * 8 * 6) * (3 * 3 * 4 // groups)


def test_elementwise_work_is_free():
    assert count_flops(lambda a: jnp.sin(a) + a, jnp.ones(10)) == 0


def test_an_elementwise_chain_is_fused_to_its_result():
    assert peak_bytes(lambda x: jnp.cos(jnp.sin(jnp.tanh(x))), jnp.ones(100)) == 400


def test_a_sum_of_an_elementwise_chain_holds_nothing():
    assert peak_bytes(lambda x: jnp.sum(jnp.sin(x) * 2), jnp.ones(100)) == 4


def test_peak_of_a_chain_of_whole_arrays_is_two():
    """x -> a -> b -> c, none of which can be fused: a is dropped once b exists."""
    assert peak_bytes(lambda x: jnp.cumsum(jnp.cumsum(jnp.cumsum(x))), jnp.ones(100)) == 2 * 400


def test_what_is_needed_later_stays():
    def kept(x):
        a = jnp.cumsum(x)
        b = jnp.cumsum(a)
        return jnp.cumsum(b) + a

    assert peak_bytes(kept, jnp.ones(100)) == 3 * 400


def test_peak_counts_bytes_not_elements():
    assert peak_bytes(jnp.sin, jnp.ones(100, jnp.bfloat16)) == 200


def test_the_inside_of_a_loop_counts_once():
    inside = lambda x: jax.lax.scan(lambda c, _: ((c[:, None] @ c[None]).sum(0), None), x, length=50)[0]  # noqa: E731
    peak = peak_bytes(inside, jnp.ones(100))
    assert 4 * 100 * 100 <= peak < 2 * 4 * 100 * 100
