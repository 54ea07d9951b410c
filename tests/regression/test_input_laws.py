"""Draws of inputs have the moments that averages over their law say."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import draw_inputs, law_average


def test_laws_draw_what_their_averages_say():
    with jax.enable_x64(True):
        for law, second in (("uniform", 1 / 3), ("normal", 1.0)):
            drawn = np.asarray(draw_inputs(jax.random.key(0), law, (20_000,)))
            points, weights = law_average(law, 32)
            assert drawn.dtype == np.float64 and weights @ points**2 == pytest.approx(second)
            assert (drawn**2).mean() == pytest.approx(second, rel=0.03)
    with pytest.raises(ConfigError, match="law = 'gauss' must be one of uniform, normal"):
        law_average("gauss", 4)
