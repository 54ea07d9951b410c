"""Circuit progress: networks that generalise, and two kinds that only memorise, with the measures of their circuits."""

from gendyn.sweep import Variants, base_config, vary
from gendyn.types import Config

ARMS = (
    ("generalising", ()),
    ("random labels", (("data.label_noise", 1.0), ("data.label_noise_kind", "uniform_any"))),
    ("no decay", (("optim.weight_decay", 0.0),)),
)


def modulo47() -> Config:
    """Addition modulo 47, a perceptron of 128 ReLU units on embeddings of 128, a table for each place (with one for
    both it would be symmetric, and know ``b + a`` from ``a + b`` at once), half of the pairs, full batch, AdamW at
    learning rate 0.003 and weight decay 2, 2,400 steps with 61 records. Arms: generalising, random labels, no decay. 8
    seeds, each with pairs of its own.
    """
    config = base_config(task="modular_arithmetic", model="embedding_mlp", optim="adamw")
    config.task.modulus = 47
    config.data.train_fraction = 0.5
    config.model.shared_embedding = False
    config.optim.update({"learning_rate": 0.003, "b2": 0.98, "weight_decay": 2.0})
    config.train.update({"num_steps": 2_400, "batch_size": 0})
    config.record.update({"kind": "linear", "num_records": 61})
    _measure(config, num_seeds=8)
    return config


def smoke() -> Config:
    """Seconds: modulo 5, two seeds, 12 steps. Its findings mean nothing."""
    config = modulo47()
    config.task.modulus = 5
    config.model.update({"width": 8, "embedding_size": 4})
    config.train.num_steps = 12
    config.record.num_records = 4
    _measure(config, num_seeds=2)
    # Those that take longest to compile are left out.
    config.probes = tuple(probe for probe in config.probes if not probe.startswith(("circuit", "logit")))
    return config


def full() -> Config:
    """The published network and training: addition modulo 113 as ``a b =``, one layer of width 128 without
    normalisation (226,816 parameters), 30 % of the pairs, full batch, AdamW at learning rate 0.001, weight decay 1 and
    b2 0.98, 10 warm-up steps; 40,000 steps, a record every 500. 8 seeds in the same three arms. For a GPU, or a few
    hours of a CPU and ``--axis arm=generalising --axis seed=0 --axis task.seed=0``.
    """
    config = base_config(task="modular_arithmetic", model="transformer", optim="adamw")
    config.task.update({"modulus": 113, "layout": "equals"})
    config.data.train_fraction = 0.3
    published = {"depth": 1, "activation": "relu", "normalisation": "none", "initialisation": "nanda"}
    config.model.update({**published, "final_norm": False, "attention_bias": False})
    config.optim.update({"learning_rate": 0.001, "b2": 0.98, "weight_decay": 1.0})
    config.schedule.warmup_steps = 10
    config.train.update({"num_steps": 40_000, "batch_size": 0})
    config.record.update({"kind": "linear", "num_records": 81})
    _measure(config, num_seeds=8)
    return config


def _measure(config: Config, *, num_seeds: int) -> None:
    """The arms, each seed with training pairs of its own, and the measures of circuits."""
    modulus = config.task.modulus
    config.probes = (
        f"fourier_progress(modulus={modulus})",
        f"embedding_spectrum(modulus={modulus}, path='embedding/table')",
        f"circuit_efficiency(modulus={modulus})",
        "logit_scale()",
        "parameter_norm()",
        "feature_snapshot(num_examples=64)",
    )
    config.arms = ARMS
    vary(config, {"arm": dict(ARMS)}, range(num_seeds), own="task.seed")


get_config = Variants("circuit_progress", modulo47, smoke, full)
