"""A family is its curves, one by one."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.plots import Panel, curve_family, draw_panels, style

X, FINE = np.arange(1.0, 4.0), np.linspace(1.0, 3.0, 9)
TABLES = np.random.default_rng(0).normal(size=(5, 2, 3))


def test_each_curve_has_its_own_rows_and_closed_form():
    laws = [FINE, 2 * FINE]
    curves = curve_family(["a", "b"], X, TABLES, FINE, laws, statistic="median")
    for i, curve in enumerate(curves):
        np.testing.assert_array_equal(curve.redraws, TABLES[:, i])
        np.testing.assert_array_equal(curve.exact, laws[i])
        assert curve.exact_x is FINE and curve.statistic == "median" and curve.colour == ""
    assert len(draw_panels([Panel("", "x", "y", curves)]).axes[0].lines) == 4


def test_without_closed_forms_and_without_the_darkest_colour():
    curves = curve_family(["a", "b"], X, TABLES, lighter=True)
    assert [curve.colour for curve in curves] == style.sequence(3)[1:] and not len(curves[0].exact)


@pytest.mark.parametrize(("tables", "laws"), [(TABLES[:, :1], ()), (TABLES[:, 0], ()), (TABLES, [FINE])])
def test_tables_of_another_number_of_curves_are_refused(tables, laws):
    with pytest.raises(ConfigError, match="a curve for each of 2 labels"):
        curve_family(["a", "b"], X, tables, FINE, laws)
