"""Grokfast and its controls: arm x seed on modular arithmetic.

A seed draws its own initial weights and, zipped with it, its own split; the full variants have one split for all
seeds, since runs of one split pack into one program. Every control keeps the weight decay of the
filter it replaces.
"""

from typing import Any

from gendyn.experiments.grokking import grokfast as names
from gendyn.sweep import Variants, base_config
from gendyn.types import Config

Settings = tuple[tuple[str, Any], ...]
ALPHA, LAMB = 0.98, {"EMA": 2.0, "MA": 5.0}
RATE = 1e-3
FILTER: dict[str, Settings] = {
    "EMA": (("filter.name", "grokfast_ema"), ("filter.alpha", ALPHA), ("filter.lamb", LAMB["EMA"])),
    "MA": (("filter.name", "grokfast_ma"), ("filter.window", 100), ("filter.lamb", LAMB["MA"])),
}


def _arms(
    decays: dict[str, float], tuning: tuple[tuple[float, float], ...], budgets: dict[str, int] | None = None
) -> tuple[tuple[str, Settings], ...]:
    """All arms. ``tuning`` has pairs of learning rate and weight decay; ``budgets`` steps by the kind of arm."""

    def made(kind: str, *settings: tuple[str, Any]) -> Settings:
        return (*settings, ("train.num_steps", budgets[kind])) if budgets else settings

    decay = {name: ("optim.weight_decay", value) for name, value in decays.items()}
    arms = {names.BASELINE: made("baseline")}
    for name in names.FILTERS:
        arms[name] = made("filter", *FILTER[name], decay[name])
        arms[names.SAME_DECAY[name]] = made("control", decay[name])
        rate = ("optim.learning_rate", RATE * (1.0 + LAMB[name]))
        arms[names.LARGER_RATE[name]] = made("control", decay[name], rate)
    # One for both: their decays are in the ratio of 1 + lamb.
    scaled = decays["EMA"] / (1.0 + LAMB["EMA"])
    arms[names.SCALED_DECAY] = made("control", ("optim.weight_decay", scaled))
    arms[names.MOMENTUM] = made("control", decay["EMA"], ("optim.b1", ALPHA))
    arms[names.NO_DECAY] = made("baseline", *FILTER["MA"])
    adamw = ("optim.name", "adamw")
    one = names.DECAY_ONE, "control", (adamw, ("optim.weight_decay", 1.0))
    candidates = [one] + [
        (
            f"{names.TUNED} {rate:g}, decay {value:g}",
            "tuning",
            (adamw, ("optim.learning_rate", rate), ("optim.weight_decay", value)),
        )
        for rate, value in tuning
    ]
    for name, kind, settings in candidates:
        arms[name] = made(kind, *settings)
        arms[f"{names.ON_TUNED}{name}"] = made(kind, *FILTER["EMA"], *settings)
    return tuple(arms.items())


def _axes(config: Config, arms: tuple[tuple[str, Settings], ...], num_seeds: int, *, own_split: bool = True) -> None:
    seeds = tuple(range(num_seeds))
    config.arms = arms
    config.axes = (("arm", tuple(name for name, _ in arms)), ("seed", seeds))
    if own_split:
        config.axes = (*config.axes, ("task.seed", seeds))
        config.zip_axes = (("seed", "task.seed"),)


def _grid(rates: tuple[float, ...], decays: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    # Learning rate 1e-3 at decay 1 is an arm of its own already.
    return tuple((rate, decay) for rate in rates for decay in decays if (rate, decay) != (RATE, 1.0))


def quadratic() -> Config:
    """Addition modulo 31, 64 units with a quadratic activation and initial weights small enough (0.15) that Adam without
    weight decay generalises too; 85 % of the equations, batches of 64, Adam 1e-3 with b2 = 0.98, 12,000 steps, 12
    seeds. The filters have their published hyperparameters, but a tenth of the published weight decays: found by
    measuring, with 1e-2 coupled decay this network does not even fit.
    """
    config = base_config(task="modular_arithmetic", model="quadratic_mlp", optim="adam")
    config.task.modulus = 31
    config.model.update({"width": 64, "init_scale": 0.15})
    config.data.train_fraction = 0.85
    config.optim.update({"learning_rate": RATE, "b2": 0.98})
    config.train.update({"num_steps": 12_000, "batch_size": 64})
    config.record.update({"kind": "log", "num_records": 161})
    arms = _arms({"EMA": 5e-4, "MA": 1e-3}, _grid((1e-3, 3e-3, 1e-2), (0.3, 1.0, 2.0)))
    _axes(config, arms, 12)
    return config


def full() -> Config:
    """Full size, for a GPU: multiplication modulo 97 without 0 (9,312 equations), half of them, batches of 512, the
    reference's transformer of 422,784 parameters, Adam 1e-3 with b2 = 0.98 and ten steps of warm-up, 8 seeds. Weight
    decays as published: 0 for the baseline, 0.005 with EMA, 0.01 with MA. 150,000 steps for the baseline and MA without
    decay, 10,000 with a filter, 50,000 for the controls, 20,000 for tuned AdamW with and without EMA.
    """
    config = base_config(task="modular_arithmetic", model="transformer", optim="adam")
    config.task.update({"modulus": 97, "operation": "multiply", "layout": "equation", "exclude_zero": True})
    config.model.update({"normalisation": "overwriting", "initialisation": "reference", "num_positions": 5})
    config.data.train_fraction = 0.5
    config.optim.update({"learning_rate": RATE, "b2": 0.98})
    config.schedule.warmup_steps = 10
    config.train.update({"num_steps": 150_000, "batch_size": 512})
    config.record.update({"kind": "log", "num_records": 201})
    config.store.commit_seconds = 600.0  # the windows of eight MA runs are a checkpoint of 3 GB
    budgets = {"baseline": 150_000, "filter": 10_000, "control": 50_000, "tuning": 20_000}
    arms = _arms({"EMA": 5e-3, "MA": 1e-2}, _grid((3e-4, 1e-3, 3e-3), (0.1, 0.3, 1.0)), budgets)
    _axes(config, arms, 8, own_split=False)
    return config


def full_cpu() -> Config:
    """The same in a few hours of two cores: the baseline is followed for 40,000 steps, everything else for 2,500, with
    fewer candidates for tuned AdamW. The experiment's docstring says what was found. ``--axis arm=EMA,MA --axis
    seed=0:8`` is the filters alone, half an hour of one core.
    """
    config = full()
    config.train.num_steps = 2_500
    config.record.update({"kind": "linear", "num_records": 51})
    arms = dict(_arms({"EMA": 5e-3, "MA": 1e-2}, ((RATE, 0.3), (3e-3, 1.0))))
    arms[names.BASELINE] += (("train.num_steps", 40_000), ("record.num_records", 201))
    _axes(config, tuple(arms.items()), 8, own_split=False)
    return config


def smoke() -> Config:
    """Seconds: five arms, two seeds, 40 steps. Its findings mean nothing."""
    config = quadratic()
    config.task.modulus = 7
    config.model.width = 8
    config.train.update({"num_steps": 40, "batch_size": 8})
    config.record.num_records = 6
    few = (names.BASELINE, "EMA", names.SAME_DECAY["EMA"])
    _axes(config, (*(arm for arm in config.arms if arm[0] in few), *config.arms[-2:]), 2)
    return config


get_config = Variants("grokfast", quadratic, full, full_cpu, smoke)
