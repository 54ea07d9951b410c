"""Tables of a sweep are those of its parts; a seed counts where every run that did not diverge was measured."""

import numpy as np
import pytest

from gendyn import analysis
from gendyn.core import ConfigError
from tests.analysis.test_seeds import AXES, sweep


def test_tables_are_those_of_the_functions_for_runs():
    ds = sweep(diverged=[("plain", 6)], missing=[("filter", 7)])
    runs, layout = analysis.laid_out(ds, AXES), analysis.grid(ds, AXES)
    assert list(runs.axes) == list(AXES) and runs.axes["seed"].tolist() == [5, 6, 7]
    for found, values in (
        (runs.history("train_loss"), analysis.history(ds, "train_loss")),
        (runs.counted("train_loss"), analysis.counted_history(ds, "train_loss")),
        (runs.final("train_loss"), analysis.final_values(ds, "train_loss")),
        (runs.steps, analysis.record_steps(ds)),
    ):
        np.testing.assert_array_equal(found, analysis.tabulate(layout, values))
    assert runs.final("train_loss")[1, 1] == np.inf and np.isnan(runs.final("train_loss")[0, 2])
    assert runs.seeds.complete.tolist() == [True, True, False]


def test_a_dataset_without_a_complete_seed_is_refused_where_one_is_required():
    ds = sweep(unfinished=[("plain", seed) for seed in (5, 6, 7)])
    assert not analysis.laid_out(ds, AXES).seeds.complete.any()
    with pytest.raises(ConfigError, match="no seed is finished at every arm"):
        analysis.laid_out(ds, AXES, required=True)


def test_a_seed_with_a_value_that_is_not_finite_is_left_out_unless_its_run_diverged():
    runs = analysis.laid_out(sweep(diverged=[("plain", 6)]), AXES)
    values = np.zeros((2, 3, 4))
    values[1, 1, 2] = values[0, 2, 3] = np.nan
    assert runs.seeds.measured(values).complete.tolist() == [True, True, False]
    assert runs.seeds.measured(values[..., 3]).complete.tolist() == [True, True, False]
    assert runs.seeds.converged.measured(values[..., 0]).complete.tolist() == [True, False, True]
