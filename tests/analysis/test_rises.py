"""How far an error rises again: a planted rise, none in noise, and missing records."""

import numpy as np

from gendyn.analysis import held_out_first_falls, held_out_rises

CURVE = np.array([0.9, 0.5, 0.1, 0.2, 0.3, 0.15])


def test_a_planted_rise_and_fall_are_measured_in_every_seed():
    errors = CURVE + np.arange(4)[:, None] * 0.01
    rise, fall = held_out_rises(errors)
    np.testing.assert_allclose(rise, 0.2)
    np.testing.assert_allclose(fall, 0.15)


def test_a_falling_curve_and_one_that_noise_alone_raises_have_no_rise():
    """Negative control: the largest rise of each seed is well above 0, that at the others' places is not."""
    rise, fall = held_out_rises(np.tile(np.linspace(0.9, 0.1, 6), (3, 1)))
    assert rise.tolist() == [0.0] * 3 and (fall >= 0).all()
    noise = 0.5 + 0.05 * np.random.default_rng(0).normal(size=(200, 40))
    own = noise.max(axis=1) - noise.min(axis=1)
    found = held_out_rises(noise)[0]
    assert own.mean() > 0.15 and found.mean() < 3 * found.std() / np.sqrt(200)


def test_missing_records_are_never_the_peak_and_one_seed_knows_nothing():
    errors = np.tile(CURVE, (3, 1))
    errors[:, 4] = np.nan
    np.testing.assert_allclose(held_out_rises(errors)[0], 0.1)
    for few in (0, 1):
        rise, fall = held_out_rises(np.tile(CURVE, (few, 1)))
        assert rise.shape == fall.shape == (few,) and np.isnan(rise).all() and np.isnan(fall).all()


def test_an_error_of_0_has_no_ratio_but_a_floor():
    errors = np.tile([0.5, 0.0, 0.0, 0.2, 0.0], (2, 1))
    assert held_out_rises(errors)[0].tolist() == [0.2, 0.2]
    assert held_out_rises(errors, floor=0.3)[0].tolist() == [0.0, 0.0]


def test_leading_axes_are_curves_of_their_own():
    errors = np.random.default_rng(1).uniform(size=(2, 3, 5, 7))
    errors[0, 0, 2, 4:] = np.nan
    rise, fall = held_out_rises(errors)
    for cell in np.ndindex(2, 3):
        np.testing.assert_array_equal((rise[cell], fall[cell]), held_out_rises(errors[cell]))
    assert np.isnan(held_out_rises(errors[:, :, :1])).all() and held_out_rises(errors[:, :, :1])[0].shape == (2, 3, 1)


def test_a_hump_that_begins_with_the_training_has_no_first_descent():
    errors = CURVE + np.arange(4)[:, None] * 0.01
    np.testing.assert_allclose(held_out_first_falls(errors), 0.8)
    assert held_out_first_falls(np.tile(CURVE[2:], (3, 1))).tolist() == [0.0] * 3
    assert np.isnan(held_out_first_falls(CURVE[None])).all()
