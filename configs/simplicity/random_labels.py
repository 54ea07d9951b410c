"""Random labels: label noise x seed, digits, full batch."""

from gendyn.sweep import Variants, base_config, vary
from gendyn.types import Config


def digits() -> Config:
    """300 handwritten digits, one hidden layer of 256 ReLU units, Adam 1e-3, 2,000 steps, noise 0 to 1; 8 seeds, each
    with images, labels and initial weights of its own.
    """
    config = base_config(task="digits", model="mlp", optim="adam")
    config.model.update({"width": 256, "depth": 1})
    config.data.update({"num_train": 300, "label_noise_kind": "uniform_any"})
    config.optim.learning_rate = 1e-3
    config.train.update({"num_steps": 2_000, "batch_size": 0})
    config.record.num_records = 81
    vary(config, {"data.label_noise": (0.0, 0.25, 0.5, 1.0)}, range(8), own="task.split_seed")
    return config


def smoke() -> Config:
    """Seconds: 20 digits, 8 units, two seeds, 40 steps. Its findings mean nothing."""
    config = digits()
    config.data.num_train, config.model.width, config.train.num_steps, config.record.num_records = 20, 8, 40, 6
    vary(config, {"data.label_noise": (0.0, 1.0)}, range(2), own="task.split_seed")
    return config


get_config = Variants("random_labels", digits, smoke)
