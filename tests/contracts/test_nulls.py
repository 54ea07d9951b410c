"""What every experiment says of results in which nothing happens: it supports none of its claims.

A claim of absence (no peak, no run generalises) is true of such results and says nothing there: it presupposes its
contrast, by ``given=``.

Each experiment's own test file makes results without its effect: ``no_effect(random) -> Dataset``, or several kinds of
them, ``NULLS = {kind: function}``.
"""

import collections
import importlib
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray

from gendyn.core import ConfigError
from gendyn.experiments import find
from tests.experiments.nulls import claimed, nulls
from tests.experiments.smoke import EXPERIMENTS, family_of


@pytest.fixture(autouse=True)
def no_open_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_nothing_that_happens_supports_nothing(name, finished):
    _, ds = finished(name)
    said = {}
    for null, results in nulls(ds):
        try:
            said[null] = claimed(find(name).verdict(results))
        except ConfigError:  # says that there is nothing to judge
            said[null] = []
    assert said == {null: [] for null in said}


def nulls_of(name: str) -> dict[str, Callable[[np.random.Generator], xarray.Dataset]]:
    """The kinds of results without an effect that an experiment's own test file makes."""
    module = importlib.import_module(f"tests.experiments.{family_of(name)}.test_{name}")
    found = getattr(module, "NULLS", None) or {"no effect": getattr(module, "no_effect", None)}
    assert all(map(callable, found.values())), f"write no_effect(random) -> Dataset in {module.__name__}"
    return dict(found)


def false_supports(name: str, kind: str, trials: int) -> tuple[int, collections.Counter[str]]:
    """In how many data sets any primary claim is supported, and each of them how often.

    All are judged, and some primary claim has an interval with an end: data of two seeds would support nothing either.
    """
    anything, each, known = 0, collections.Counter[str](), False
    for trial in range(trials):
        found = find(name).verdict(nulls_of(name)[kind](np.random.default_rng(trial)))
        primary = [one for one in found if one.role == "primary"]
        known |= any(np.isfinite([one.low, one.high]).any() for one in primary)
        said = [one.claim for one in primary if one.verdict == "supported"]
        anything += bool(said)
        each.update(said)
    assert known, f"{kind}: nothing could be decided, whatever the data say"
    return anything, each


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_noise_alone_supports_no_primary_claim(name):
    for kind in nulls_of(name):
        # Of 20 fair data sets 4 or more would support a claim by chance in less than 2 % of all experiments.
        assert false_supports(name, kind, 20)[0] <= 3, kind


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_each_primary_claim_is_falsely_supported_in_at_most_one_of_twenty(name):
    for kind in nulls_of(name):
        anything, each = false_supports(name, kind, 200)
        # 5 % of 200, and two standard errors of this simulation; of all primary claims together.
        assert anything <= 16, (kind, each)
