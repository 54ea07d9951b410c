"""Ungrokking: weight decay x (control or continued) x fraction left x seed, on addition modulo a prime."""

from gendyn.sweep import Variants, base_config, vary
from gendyn.types import Config


def modulo31() -> Config:
    """Quadratic network of 96 units, addition modulo 31 (961 pairs), full batch, AdamW at learning rate 0.01. Grown on
    70 % of all pairs for 600 steps, by when all generalise, then 2,400 steps on 10 to 45 %. Weight decays 0.5, 1 and 2;
    8 seeds, each with pairs of its own; the control changes at step 1: 288 runs, one program.
    """
    config = base_config(task="modular_arithmetic", model="quadratic_mlp", optim="adamw")
    config.task.modulus = 31
    config.data.train_fraction = 0.7
    config.model.width = 96
    config.optim.update({"learning_rate": 0.01, "b2": 0.98})
    config.train.update({"num_steps": 3_000, "batch_size": 0})
    config.record.update({"kind": "linear", "num_records": 31})
    _vary(config, 600, (0.10, 0.14, 0.19, 0.25, 0.33, 0.45))
    return config


def smoke() -> Config:
    """Seconds: modulo 7, two weight decays, two fractions, two seeds, 30 steps. Its findings mean nothing."""
    config = modulo31()
    config.task.modulus = 7
    config.model.width = 8
    config.train.num_steps = 30
    config.record.num_records = 4
    _vary(config, 10, (0.2, 0.5), seeds=2, decays=(0.5, 1.0))
    return config


def full() -> Config:
    """Addition modulo 113 with the published transformer (one layer of width 128, 226,816 parameters), AdamW at
    learning rate 0.001: grown on 60 % for 10,000 steps, then 40,000 on 5 to 30 %. Weight decays 0.5, 1 and 2; 8 seeds,
    as many as an interval needs. For a GPU.
    """
    config = base_config(task="modular_arithmetic", model="transformer", optim="adamw")
    config.task.update({"modulus": 113, "layout": "equals"})
    config.data.train_fraction = 0.6
    published = {"depth": 1, "activation": "relu", "normalisation": "none", "initialisation": "nanda"}
    config.model.update({**published, "final_norm": False, "attention_bias": False})
    config.optim.update({"learning_rate": 0.001, "b2": 0.98})
    config.schedule.warmup_steps = 10
    config.train.update({"num_steps": 50_000, "batch_size": 0})
    config.record.update({"kind": "linear", "num_records": 101})
    _vary(config, 10_000, (0.05, 0.08, 0.12, 0.16, 0.22, 0.30))
    return config


def _vary(
    config: Config,
    change: int,
    fractions: tuple[float, ...],
    *,
    seeds: int = 8,
    decays: tuple[float, ...] = (0.5, 1.0, 2.0),
) -> None:
    """Each seed draws its own pairs: which of them are left matters as much as the initial weights."""
    # The leaves of the first run; the axes set them all.
    config.data.update({"change_step": change, "changed_train_fraction": fractions[0]})
    axes = {"optim.weight_decay": decays, "data.change_step": (1, change), "data.changed_train_fraction": fractions}
    vary(config, axes, range(seeds), own="task.seed")


get_config = Variants("ungrokking", modulo31, smoke, full)
