"""Random streams, and draws whose values do not depend on how they are made."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gendyn.core import normal, random, stream

KEY = jax.random.key(7)


def bits(key):
    return tuple(jax.random.key_data(key).tolist())


def test_streams_differ_by_name_and_by_key():
    names = ("init", "data", "noise", "order", "augment", "probe")
    keys = [stream(jax.random.key(seed), name) for seed in range(20) for name in names]
    assert len({bits(key) for key in keys}) == len(keys)


def test_a_stream_is_a_pure_function_of_key_and_name():
    assert bits(stream(KEY, "init")) == bits(stream(KEY, "init"))
    assert bits(jax.jit(lambda key: stream(key, "init"))(KEY)) == bits(stream(KEY, "init"))
    # crc32 of the name, not Python's hash, which changes with the process.
    assert bits(stream(KEY, "init")) == bits(jax.random.fold_in(KEY, 3329549428))


def test_streams_are_uncorrelated():
    draws = [np.asarray(normal(stream(KEY, name), (20_000,))) for name in ("init", "data", "noise")]
    correlations = np.corrcoef(draws)[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < 4 / np.sqrt(20_000)


@settings(max_examples=30, deadline=None)
@given(short=st.integers(0, 2 * random.BLOCK), more=st.integers(0, random.BLOCK))
@example(short=random.BLOCK - 1, more=2)
@example(short=random.BLOCK, more=0)
def test_a_longer_draw_starts_with_the_shorter(short, more):
    long = np.asarray(normal(KEY, (short + more,)))
    np.testing.assert_array_equal(long[:short], np.asarray(normal(KEY, (short,))))


@pytest.mark.parametrize("shape", [(), (0,), (1,), (16,), (17,), (3, 5), (2, 3, 4), (8, 12), (4, 0, 2)])
def test_any_shape_is_the_flat_draw(shape):
    draw = normal(KEY, shape)
    assert draw.shape == shape
    assert draw.dtype == jnp.float32
    assert isinstance(draw, jax.Array)
    np.testing.assert_array_equal(draw.ravel(), normal(KEY, (int(np.prod(shape)),)))


@pytest.mark.parametrize("shape", [(3, 5), (0,), (random.BLOCK + 3,)])
def test_under_jit_and_vmap_the_values_are_the_same(shape):
    """To rounding: the inverse error function may be fused otherwise."""
    keys = jax.random.split(KEY, 3)
    alone = np.stack([normal(key, shape) for key in keys])
    np.testing.assert_allclose(jax.jit(lambda key: normal(key, shape))(keys[0]), alone[0], rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(lambda key: normal(key, shape))(keys), alone, rtol=1e-6)
    assert np.ptp(alone, axis=0).all()


def test_many_shapes_need_one_program():
    compiled = []
    count = lambda event, seconds, **_: compiled.append(event) if event.endswith("backend_compile_duration") else None  # noqa: E731
    random._block.clear_cache()
    jax.monitoring.register_event_duration_secs_listener(count)
    try:
        for rows, columns in [(rows, columns) for rows in (1, 3, 8, 200) for columns in range(1, 100, 7)]:
            normal(KEY, (rows, columns))
        assert len(compiled) == 1
        # Negative control: jax's own draw is a program a shape.
        for columns in (211, 223):
            jax.random.normal(KEY, (columns,))
        assert len(compiled) >= 3
    finally:
        jax.monitoring.unregister_event_duration_listener(count)


def test_blocks_are_not_copies():
    values = np.asarray(normal(KEY, (2 * random.BLOCK,)))
    assert abs(np.corrcoef(values[: random.BLOCK], values[random.BLOCK :])[0, 1]) < 4 / np.sqrt(random.BLOCK)


def test_values_are_standard_normal():
    values = np.asarray(normal(KEY, (100, 200))).ravel()
    assert scipy.stats.kstest(values, "norm").pvalue > 1e-3
    assert scipy.stats.kstest(1.1 * values, "norm").pvalue < 1e-3


def test_draws_of_seeds_are_those_of_their_named_streams():
    draws = random.seeded_normals([5, 2, 5], "start", (3, 2))
    assert draws.dtype == np.float64
    for row, seed in zip(draws, (5, 2, 5), strict=True):
        np.testing.assert_array_equal(row, normal(stream(jax.random.key(seed), "start"), (3, 2)))
    assert not np.allclose(draws, random.seeded_normals([5, 2, 5], "end", (3, 2)))
