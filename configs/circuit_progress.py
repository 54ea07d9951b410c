"""Circuit progress: networks that generalise, and two kinds that only memorise, with the measures of their circuits.

    python scripts/sweep.py --config=configs/circuit_progress.py --workdir=runs/circuits
    python scripts/report.py --workdir=runs/circuits

Variants, as ``--config=configs/circuit_progress.py:smoke``:

``modulo47`` (default)
    Addition modulo 47, a perceptron of 128 ReLU units on embeddings of 128, a table for each place (with one for both
    it would be symmetric, and know ``b + a`` from ``a + b`` at once), half of the pairs, full batch, AdamW at learning
    rate 0.003 and weight decay 2, 2,400 steps with 61 records. Arms: generalising, random labels, no decay. 8 seeds,
    each with pairs of its own.
``smoke``
    Seconds: modulo 5, two seeds, 12 steps. Its findings mean nothing.
``full``
    The published network and training: addition modulo 113 as ``a b =``, one layer of width 128 without normalisation
    (226,816 parameters), 30 % of the pairs, full batch, AdamW at learning rate 0.001, weight decay 1 and b2 0.98,
    10 warm-up steps; 40,000 steps, a record every 500. 8 seeds in the same three arms. For a GPU, or a few hours of a
    CPU and ``--axis arm=generalising --axis seed=0 --axis task.seed=0``.
"""

from collections.abc import Callable

import ml_collections

from gendyn.sweep import base_config, choose_variant

_ARMS = (
    ("generalising", ()),
    ("random labels", (("data.label_noise", 1.0), ("data.label_noise_kind", "uniform_any"))),
    ("no decay", (("optim.weight_decay", 0.0),)),
)


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """The config of a variant; ``""`` is ``modulo47``.

    Raises:
        ConfigError: an unknown variant.
    """
    config = choose_variant("circuit_progress", VARIANTS, variant)
    config.arms = _ARMS
    # Each seed draws its own training pairs.
    config.zip_axes = (("seed", "task.seed"),)
    return config.lock()


def _axes(seeds: int) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
    numbers = tuple(range(seeds))
    return ("arm", tuple(name for name, _ in _ARMS)), ("seed", numbers), ("task.seed", numbers)


def _probes(modulus: int) -> tuple[str, ...]:
    return (
        f"fourier_progress(modulus={modulus})",
        f"embedding_spectrum(modulus={modulus}, path='embedding/table')",
        f"circuit_efficiency(modulus={modulus})",
        "logit_scale()",
        "parameter_norm()",
        "feature_snapshot(num_examples=64)",
    )


def _modulo47() -> ml_collections.ConfigDict:
    config = base_config(task="modular_arithmetic", model="embedding_mlp", optim="adamw")
    config.task.modulus = 47
    config.data.train_fraction = 0.5
    config.model.shared_embedding = False
    config.optim.update({"learning_rate": 0.003, "b2": 0.98, "weight_decay": 2.0})
    config.train.update({"num_steps": 2_400, "batch_size": 0})
    config.record.update({"kind": "linear", "num_records": 61})
    config.probes = _probes(47)
    config.axes = _axes(8)
    return config


def _smoke() -> ml_collections.ConfigDict:
    config = _modulo47()
    config.task.modulus = 5
    config.model.update({"width": 8, "embedding_size": 4})
    config.train.num_steps = 12
    config.record.num_records = 4
    # Those that take longest to compile are left out.
    config.probes = tuple(probe for probe in _probes(5) if not probe.startswith(("circuit", "logit")))
    config.axes = _axes(2)
    return config


def _full() -> ml_collections.ConfigDict:
    config = base_config(task="modular_arithmetic", model="transformer", optim="adamw")
    config.task.update({"modulus": 113, "layout": "equals"})
    config.data.train_fraction = 0.3
    published = {"depth": 1, "activation": "relu", "normalisation": "none", "initialisation": "nanda"}
    config.model.update({**published, "final_norm": False, "attention_bias": False})
    config.optim.update({"learning_rate": 0.001, "b2": 0.98, "weight_decay": 1.0})
    config.schedule.warmup_steps = 10
    config.train.update({"num_steps": 40_000, "batch_size": 0})
    config.record.update({"kind": "linear", "num_records": 81})
    config.probes = _probes(113)
    config.axes = _axes(8)
    return config


VARIANTS: dict[str, Callable[[], ml_collections.ConfigDict]] = {
    "modulo47": _modulo47,
    "smoke": _smoke,
    "full": _full,
}
