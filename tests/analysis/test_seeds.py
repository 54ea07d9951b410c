"""One policy: unfinished seeds are left out of all arms alike, diverged runs count, and one sentence says so."""

import json

import numpy as np
import pytest
import xarray

from gendyn.analysis import Seeds, grid, seeds_of
from gendyn.core import ConfigError

AXES = ("arm", "seed")
LISTED = [("plain", {"optim.eps": 1.0}), ("filter", {"loss": "other", "optim.eps": 2.0}), ("absent", {})]


def sweep(*, unfinished=(), diverged=(), missing=(), arms=("filter", "plain"), seeds=(5, 6, 7)):
    """Two records a run; run numbers count points whose order is neither that of the config nor of the seeds."""
    points = [(arm, seed) for seed in reversed(seeds) for arm in arms if (arm, seed) not in missing]
    loss = np.array([[2.0, np.nan if p in unfinished or p in diverged else 1.0] for p in points])
    marks = np.array([[False, p in diverged] for p in points])
    committed = [1 if p in unfinished else 2 for p in points]
    config = {"arms": LISTED, "optim": {"eps": 0.5}, "loss": "plain loss"}
    return xarray.Dataset(
        {"train_loss": (("run", "record"), loss), "diverged": (("run", "record"), marks)},
        coords={
            "arm": ("run", [p[0] for p in points]),
            "seed": ("run", [p[1] for p in points]),
            "committed": ("run", committed),
            "step": ("record", [0, 10]),
        },
        attrs={"axes": json.dumps(list(AXES)), "config": json.dumps(config)},
    )


def seeds_in(**kwargs) -> Seeds:
    ds = sweep(**kwargs)
    return seeds_of(ds, grid(ds, AXES))


def test_nothing_to_say():
    found = seeds_in()
    assert found.values.tolist() == [5, 6, 7] and found.complete.all() and found.ended.shape == (2, 3)
    assert found.sentence == "" == found.converged.converged_sentence
    assert (found.left_out, found.num_diverged) == (0, 0)


@pytest.mark.parametrize("kind", ["unfinished", "missing"])
def test_an_unfinished_or_missing_run_leaves_its_seed_out_everywhere(kind):
    found = seeds_in(**{kind: [("plain", 6)]})
    assert found.complete.tolist() == [True, False, True] and found.left_out == 1
    assert found.sentence == " 1 of 3 seeds are left out." == found.converged.converged_sentence
    assert found.at(0).complete.all() and found.at(1).complete.tolist() == [True, False, True]


def test_a_diverged_run_stays_and_is_counted():
    found = seeds_in(diverged=[("filter", 5), ("plain", 7)], unfinished=[("filter", 7)])
    assert found.complete.tolist() == [True, True, False] and found.num_diverged == 1
    assert found.sentence == (" 1 of 3 seeds are left out. 1 of 4 runs diverged and count as the worst outcome.")
    assert seeds_in(diverged=[("filter", 5)]).left_out == 0


def test_a_claim_about_runs_that_converge_shows_how_many_did_not():
    found = seeds_in(diverged=[("filter", 5)]).converged
    assert found.complete.tolist() == [False, True, True] and found.num_diverged == 0
    assert found.converged_sentence == (
        " 1 of 3 seeds are left out. 1 of 6 runs diverged; this is about seeds that converge."
    )


def test_further_restrictions_and_a_required_seed():
    found = seeds_in().restricted(np.array([True, False, True]))
    assert found.sentence == " 1 of 3 seeds are left out."
    ds = sweep(unfinished=[("plain", 5), ("filter", 6), ("plain", 7)])
    assert not seeds_of(ds, grid(ds, AXES)).complete.any()
    with pytest.raises(ConfigError, match="no seed is finished at every arm; wait for the first ones"):
        seeds_of(ds, grid(ds, AXES), required=True)
