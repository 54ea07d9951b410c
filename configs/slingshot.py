"""Slingshots: optimizer x epsilon x precision of the loss x seed, without weight decay, full batch.

    python scripts/sweep.py --config=configs/slingshot.py --workdir=runs/slingshot
    python scripts/report.py --workdir=runs/slingshot

Variants, as ``--config=configs/slingshot.py:smoke``:

``perceptron`` (default)
    Addition modulo 23, 80 % of the pairs, one hidden layer of 64 ReLU units on a shared table, Adam with learning rate
    0.01 and b2 = 0.98 (trials with two hidden layers had no cycle in 12,000 steps at 0.999), 10,000 steps, 401 records.
    Ten arms x 8 seeds: Adam at five epsilons, at the smallest with four other losses, and SGD with momentum 0.9 at
    learning rate 3 (of 1, 3, 10 and 30 the largest at which training is stable). AdamW is Adam where nothing decays.
    139 s of CPU time.
``full``
    For a GPU: addition modulo 97, half of the pairs, batches of 512, the decoder of Power et al. (2022; two layers with
    layer norms after, width 128, four heads, no biases) with learned positions, Adam at learning rate 0.001 and ten
    steps of warm-up, 100,000 steps with a record every 100; the same ten arms x 8 seeds on one split. Only its first
    steps have been tried, and so gradient descent's learning rate, 0.1, is a guess.
``smoke``
    Seconds: modulus 7, four arms, two seeds, 300 steps. Its findings mean nothing.
"""

from collections.abc import Callable

import ml_collections

from gendyn.sweep import base_config, choose_variant


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """The config of a variant; ``""`` is ``perceptron``.

    Raises:
        ConfigError: an unknown variant.
    """
    return choose_variant("slingshot", VARIANTS, variant).lock()


EPSILONS = (1e-8, 1e-6, 1e-5, 1e-4, 1e-3)
LOSSES = ("cross_entropy_float64", "cross_entropy_float16", "cross_entropy_bfloat16", "stablemax_cross_entropy")

Leaves = tuple[tuple[str, object], ...]


def _arms(descent_rate: float) -> tuple[tuple[str, Leaves], ...]:
    """Adam at every epsilon (one program), at the smallest with every other loss, and gradient descent."""
    adam: Leaves = (("optim.name", "adam"), ("optim.b2", 0.98))
    arms: list[tuple[str, Leaves]] = [
        (f"Adam, {epsilon:.0e}".replace("e-0", "e-"), (*adam, ("optim.eps", epsilon))) for epsilon in EPSILONS
    ]
    names = {loss: loss.replace("_cross_entropy", "").replace("cross_entropy_", "") for loss in LOSSES}
    arms += [(f"Adam, {names[loss]}", (*adam, ("optim.eps", EPSILONS[0]), ("loss", loss))) for loss in LOSSES]
    arms.append(("SGD, momentum", (("optim.name", "sgd"), ("optim.learning_rate", descent_rate))))
    return tuple(arms)


def _perceptron() -> ml_collections.ConfigDict:
    config = base_config(task="modular_arithmetic", model="embedding_mlp", optim="adam")
    config.task.modulus = 23
    config.data.train_fraction = 0.8
    config.model.update({"width": 64, "depth": 1, "embedding_size": 0})
    config.optim.learning_rate = 1e-2
    config.train.update({"num_steps": 10_000, "batch_size": 0})
    config.record.update({"kind": "linear", "num_records": 401})
    config.probes = ("last_layer_norm(path='readout')", "logit_scale")
    config.arms = _arms(descent_rate=3.0)
    config.axes = (("arm", tuple(name for name, _ in config.arms)), ("seed", tuple(range(8))))
    return config


def _full() -> ml_collections.ConfigDict:
    config = base_config(task="modular_arithmetic", model="transformer", optim="adam")
    config.task.update({"modulus": 97, "layout": "equation"})
    config.model.update({"activation": "relu", "normalisation": "post", "final_norm": False})
    config.model.update({"attention_bias": False, "mlp_bias": False})
    config.data.train_fraction = 0.5
    config.optim.learning_rate = 1e-3
    config.schedule.warmup_steps = 10
    config.train.update({"num_steps": 100_000, "batch_size": 512})
    config.record.update({"kind": "linear", "num_records": 1001})
    config.probes = ("last_layer_norm(path='readout')", "logit_scale")
    config.arms = _arms(descent_rate=0.1)
    config.axes = (("arm", tuple(name for name, _ in config.arms)), ("seed", tuple(range(8))))
    return config


def _smoke() -> ml_collections.ConfigDict:
    config = _perceptron()
    config.task.modulus = 7
    config.model.width = 16
    config.train.num_steps = 300
    config.record.num_records = 31
    chosen = ("Adam, 1e-8", "Adam, 1e-3", "Adam, float64", "SGD, momentum")
    config.axes = (("arm", chosen), ("seed", (0, 1)))
    return config


VARIANTS: dict[str, Callable[[], ml_collections.ConfigDict]] = {
    "perceptron": _perceptron,
    "full": _full,
    "smoke": _smoke,
}
