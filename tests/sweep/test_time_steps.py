"""Seconds a step of each arm: arms of one program cost the same, and every arm has a mean and an error."""

from gendyn import sweep
from gendyn.sweep.execute import calibrate


def test_arms_that_share_a_program_are_timed_once(small, monkeypatch):
    config = small.config(train__num_steps=4, record__num_records=2)
    config.unlock()
    config.arms = (
        ("low", (("optim.learning_rate", 0.1),)),
        ("high", (("optim.learning_rate", 0.5),)),
        ("deep", (("model.depth", 2),)),
    )
    config.axes = (("arm", ("low", "high", "deep")), ("seed", (0, 1)))
    calls = []

    def step_timer(segment, state, choice):
        calls.append((dict(segment.program.static)["model.depth"], len(state.step), choice))
        return iter([2.0, 4.0, 6.0]).__next__

    monkeypatch.setattr(calibrate, "step_timer", step_timer)
    found = sweep.time_steps(config, ("low", "high", "deep"), rounds=3)
    assert sorted(calls) == [(1, 2, ("map", 1)), (2, 2, ("map", 1))]
    # Of one run: two were timed together.
    assert found == dict.fromkeys(("low", "high", "deep"), (2.0, 1.0 / 3**0.5))
