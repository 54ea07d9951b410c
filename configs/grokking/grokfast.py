"""Grokfast and its controls: arm x seed on modular arithmetic.

A seed draws its own initial weights and its own split. The full variants have one split for all seeds, since runs of
one split pack into one program. Every control keeps the weight decay of the filter it replaces.
"""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from gendyn.experiments.grokking import grokfast as names
from gendyn.sweep import Variants, base_config, vary
from gendyn.types import Config

ALPHA, LAMB = 0.98, {"EMA": 2.0, "MA": 5.0}
RATE = 1e-3
FILTER: dict[str, dict[str, Any]] = {
    "EMA": {"filter.name": "grokfast_ema", "filter.alpha": ALPHA, "filter.lamb": LAMB["EMA"]},
    "MA": {"filter.name": "grokfast_ma", "filter.window": 100, "filter.lamb": LAMB["MA"]},
}


PARTS: dict[str, dict[str, Any]] = {
    name: {"filter.name": "gradient_split", "filter.component": part, "filter.alpha": ALPHA}
    for part, name in names.PARTS.items()
}


def _arms(
    decays: dict[str, float],
    tuning: Iterable[tuple[float, float]],
    batch: int,
    budgets: dict[str, int] | None = None,
) -> dict[str, dict[str, Any]]:
    """What each arm sets.

    ``tuning``: learning rates and decays of AdamW; ``batch``: examples of a step; ``budgets``: steps by the kind of
    arm.
    """
    arms: dict[str, tuple[str, dict[str, Any]]] = {names.BASELINE: ("baseline", {})}
    for name in names.FILTERS:
        decay = {"optim.weight_decay": decays[name]}
        arms[name] = "filter", FILTER[name] | decay
        arms[names.SAME_DECAY[name]] = "control", decay
        arms[names.LARGER_RATE[name]] = "control", decay | {"optim.learning_rate": RATE * (1.0 + LAMB[name])}
    # One for both: their decays are in the ratio of 1 + lamb.
    arms[names.SCALED_DECAY] = "control", {"optim.weight_decay": decays["EMA"] / (1.0 + LAMB["EMA"])}
    arms[names.MOMENTUM] = "control", {"optim.weight_decay": decays["EMA"], "optim.b1": ALPHA}
    arms[names.NO_DECAY] = "baseline", FILTER["MA"]
    for name, leaves in PARTS.items():
        arms[name] = "control", leaves | {"optim.weight_decay": decays["EMA"]}
    arms[names.HELD] = "control", {"projection.name": "project_norm"}
    arms[names.NOISY] = "control", {"train.batch_size": batch // 4}
    adamw = {"optim.name": "adamw"}
    candidates = {names.DECAY_ONE: ("control", adamw | {"optim.weight_decay": 1.0})}
    for rate, value in tuning:
        if (rate, value) != (RATE, 1.0):  # an arm of its own already
            leaves = adamw | {"optim.learning_rate": rate, "optim.weight_decay": value}
            candidates[f"{names.TUNED} {rate:g}, decay {value:g}"] = "tuning", leaves
    for name, (kind, leaves) in candidates.items():
        arms[name] = kind, leaves
        arms[f"{names.ON_TUNED}{name}"] = kind, FILTER["EMA"] | leaves
    return {
        name: leaves | ({"train.num_steps": budgets[kind]} if budgets else {}) for name, (kind, leaves) in arms.items()
    }


def _compare(config: Config, arms: Mapping[str, Mapping[str, Any]], num_seeds: int, *, own: str = "") -> None:
    config.arms = tuple((name, tuple(leaves.items())) for name, leaves in arms.items())
    vary(config, {"arm": arms}, range(num_seeds), own=own)


def quadratic() -> Config:
    """Addition modulo 31, 64 units with a quadratic activation and initial weights small enough (0.15) that Adam
    without weight decay generalises too; 85 % of the equations, batches of 64, Adam 1e-3 with b2 = 0.98, 12,000 steps,
    12 seeds. The filters have their published hyperparameters, but a tenth of the published weight decays: with a
    coupled decay of 1e-2 this network does not even fit (tried).
    """
    config = base_config(task="modular_arithmetic", model="quadratic_mlp", optim="adam")
    config.task.modulus = 31
    config.model.update({"width": 64, "init_scale": 0.15})
    config.data.train_fraction = 0.85
    config.optim.update({"learning_rate": RATE, "b2": 0.98})
    config.train.update({"num_steps": 12_000, "batch_size": 64})
    config.record.update({"kind": "log", "num_records": 161})
    tuning = product((1e-3, 3e-3, 1e-2), (0.3, 1.0, 2.0))
    _compare(config, _arms({"EMA": 5e-4, "MA": 1e-3}, tuning, 64), 12, own="task.seed")
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
    tuning = product((3e-4, 1e-3, 3e-3), (0.1, 0.3, 1.0))
    _compare(config, _arms({"EMA": 5e-3, "MA": 1e-2}, tuning, 512, budgets), 8)
    return config


def full_cpu() -> Config:
    """The same in a few hours of two cores: the baseline is followed for 40,000 steps, everything else for 2,500, with
    fewer candidates for tuned AdamW. ``--axis arm=EMA,MA --axis seed=0:8`` is the filters alone, half an hour of
    one core.
    """
    config = full()
    config.train.num_steps = 2_500
    config.record.update({"kind": "linear", "num_records": 51})
    arms = _arms({"EMA": 5e-3, "MA": 1e-2}, ((RATE, 0.3), (3e-3, 1.0)), 512)
    arms[names.BASELINE] |= {"train.num_steps": 40_000, "record.num_records": 201}
    _compare(config, arms, 8)
    return config


def smoke() -> Config:
    """Seconds: five arms, two seeds, 40 steps. Its findings mean nothing."""
    config = quadratic()
    config.task.modulus = 7
    config.model.width = 8
    config.train.update({"num_steps": 40, "batch_size": 8})
    config.record.num_records = 6
    few = (names.BASELINE, "EMA", names.SAME_DECAY["EMA"])
    arms = (*(arm for arm in config.arms if arm[0] in few), *config.arms[-2:])
    _compare(config, {name: dict(leaves) for name, leaves in arms}, 2, own="task.seed")
    return config


get_config = Variants("grokfast", quadratic, full, full_cpu, smoke)
