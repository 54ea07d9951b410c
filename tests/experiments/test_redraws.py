"""Redraws of one problem, found by file: programs whose runs have a single record. All are finite, and many."""

import json

import numpy as np
import pytest

from gendyn.experiments import find, plan
from gendyn.experiments.contract import answers
from tests.experiments.smoke import EXPERIMENTS, config_file_of, smoke_config

OWN_PROGRAMS = tuple(name for name in EXPERIMENTS if answers(find(name), "program"))
REDRAWN = tuple(
    name for name in OWN_PROGRAMS if all(len(group.steps) <= 1 for group in plan(smoke_config(name)).groups)
)


@pytest.mark.parametrize("name", REDRAWN)
def test_what_the_smoke_variant_lacks_is_padding(name, finished):
    """A place may lack sizes that others have, and then in every redraw."""
    _, ds = finished(name)
    outer = [ds[axis].values.tolist() for axis in json.loads(ds.attrs["axes"]) if axis != "seed"]
    for values in ds.data_vars.values():
        masks = {}
        for run, mask in enumerate(np.isfinite(values.values)):
            known = masks.setdefault(tuple(column[run] for column in outer), mask)
            assert np.array_equal(mask, known), values.name
        assert np.any(list(masks.values())), values.name


@pytest.mark.parametrize("name", OWN_PROGRAMS)
def test_there_are_enough_redraws(name):
    get_config = config_file_of(name).get_config
    for variant in set(get_config.functions) - {"smoke"}:
        config = get_config(variant)
        seeds = dict(config.axes).get("seed") or {
            point["seed"] for group in plan(config).groups for point in group.points
        }
        # 90 % of a bootstrap interval needs 5; a redraw costs little.
        assert len(seeds) >= (100 if name in REDRAWN else 5)
