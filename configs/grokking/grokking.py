"""Grokking: train fraction x weight decay x seed on modular addition, full batch AdamW.

A seed draws its own initial weights and its own split of the equations. The full variant has one split for all seeds,
since runs of one split pack into one program. The leaves that the axes set say which cell the claims on one cell are
about.
"""

from gendyn.sweep import Variants, base_config, vary
from gendyn.types import Config


def quadratic() -> Config:
    """Addition modulo 31, 64 units with a quadratic activation, AdamW 3e-3 with b2 = 0.98, 6,000 steps. Six train
    fractions, five weight decays, six seeds: 180 runs. The quadratic network can represent the solution exactly and
    finds it some ten times sooner than a transformer.
    """
    config = base_config(task="modular_arithmetic", model="quadratic_mlp", optim="adamw")
    config.task.modulus = 31
    config.model.width = 64
    config.optim.update({"learning_rate": 3e-3, "b2": 0.98})
    config.train.update({"num_steps": 6_000, "batch_size": 0})
    config.record.update({"kind": "log", "num_records": 81})
    fractions, decays = (0.25, 0.35, 0.45, 0.55, 0.65, 0.8), (0.0, 0.1, 0.3, 1.0, 2.0)
    config.data.train_fraction, config.optim.weight_decay = 0.55, 1.0
    vary(config, {"data.train_fraction": fractions, "optim.weight_decay": decays}, range(6), own="task.seed")
    return config


def full() -> Config:
    """Published size, for a GPU: addition modulo 113, transformer of one layer without normalisation, width 128, four
    heads, 226,816 parameters, full batch AdamW 1e-3 with b2 = 0.98 and ten steps of warm-up, 40,000 steps; fractions
    0.1 to 0.8, weight decays 0 to 3, six seeds. The stated cell is the published one.
    """
    config = base_config(task="modular_arithmetic", model="transformer", optim="adamw")
    config.task.update({"modulus": 113, "layout": "equals"})
    config.model.update({"depth": 1, "activation": "relu", "normalisation": "none", "final_norm": False})
    config.model.update({"attention_bias": False, "initialisation": "nanda"})
    config.optim.update({"learning_rate": 1e-3, "b2": 0.98})
    config.schedule.warmup_steps = 10
    config.train.update({"num_steps": 40_000, "batch_size": 0})
    config.record.update({"kind": "log", "num_records": 101})
    fractions, decays = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8), (0.0, 0.3, 1.0, 3.0)
    config.data.train_fraction, config.optim.weight_decay = 0.3, 1.0
    vary(config, {"data.train_fraction": fractions, "optim.weight_decay": decays}, range(6))
    return config


def smoke() -> Config:
    """Seconds: two fractions, three weight decays, two seeds, 60 steps. Its findings mean nothing."""
    config = quadratic()
    config.task.modulus = 7
    config.model.width = 8
    config.train.num_steps = 60
    config.record.num_records = 8
    fractions, decays = (0.5, 0.8), (0.0, 0.3, 1.0)
    vary(config, {"data.train_fraction": fractions, "optim.weight_decay": decays}, range(2), own="task.seed")
    return config


get_config = Variants("grokking", quadratic, full, smoke)
