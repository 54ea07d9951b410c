import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gendyn.core import ConfigError
from gendyn.train import record_steps


@given(
    kind=st.sampled_from(["log", "linear"]),
    num_steps=st.integers(1, 10**6),
    num_records=st.integers(2, 60),
    extra=st.lists(st.integers(-5, 10**6), max_size=4),
)
def test_records_increase_from_0_to_the_end(kind, num_steps, num_records, extra):
    steps = record_steps(kind, num_steps=num_steps, num_records=num_records, extra=tuple(extra))
    assert steps[0] == 0
    assert steps[-1] == num_steps
    assert list(steps) == sorted(set(steps))
    assert {s for s in extra if 0 < s <= num_steps} <= set(steps)
    assert len(steps) <= num_records + len(extra) + 1
    assert all(type(step) is int for step in steps)


def test_log_spacing_is_even_in_the_logarithm_and_linear_in_the_step():
    log = np.asarray(record_steps("log", num_steps=10**6, num_records=26))
    np.testing.assert_allclose(np.diff(np.log10(log[10:])), 6 / 24, atol=0.01)
    linear = record_steps("linear", num_steps=1000, num_records=11)
    assert set(np.diff(linear)) == {100}


@given(steps=st.lists(st.integers(0, 100), min_size=1, max_size=9))
def test_given_steps_are_kept_and_the_end_is_added(steps):
    assert record_steps("given", num_steps=100, num_records=0, steps=tuple(steps)) == tuple(sorted({*steps, 100}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "logarithmic"}, "kind = 'logarithmic' must be one of log, linear, given"),
        ({"num_records": 1}, "num_records = 1 must be an integer of at least 2"),
        ({"num_steps": 0}, "num_steps = 0 must be an integer of at least 1"),
        ({"kind": "given"}, "steps is empty; with kind = 'given', list the steps"),
        ({"kind": "given", "steps": (5, 11)}, r"steps = \(5, 11\) must lie in \[0, num_steps = 10\]"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ConfigError, match=rf"^{message}"):
        record_steps(**{"kind": "log", "num_steps": 10, "num_records": 5, **arguments})
