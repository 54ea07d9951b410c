"""Edge of stability: learning rate x seed, full-batch gradient descent."""

from collections.abc import Iterable

from gendyn.sweep import Variants, base_config, vary
from gendyn.types import Config


def digits() -> Config:
    """400 handwritten digits of 8 x 8 pixels, three hidden layers of 32 tanh units, squared error, plain gradient
    descent, 4,000 steps, sharpness at 41 records. Learning rates 0.01 to 0.16, 10 seeds: 40 runs. Each seed has images
    and initial weights of its own. The weights are halved so that training begins below the limit of the smaller rates.
    """
    config = base_config(task="digits", model="mlp", optim="sgd")
    _with_axes(config, (0.01, 0.04, 0.08, 0.16), range(10))
    config.data.num_train = 400
    config.model.update({"depth": 3, "width": 32, "activation": "tanh", "init_scale": 0.5})
    config.optim.momentum = 0.0
    config.record.update({"kind": "linear", "num_records": 41})
    config.loss = "squared_error"
    config.train.update({"num_steps": 4_000, "batch_size": 0})
    config.probes = ("sharpness(num_probes=2, max_steps=32)",)
    return config


def smoke() -> Config:
    """Seconds: two learning rates, two seeds, 30 steps. Its findings mean nothing."""
    config = digits()
    config.data.num_train = 64
    config.model.update({"depth": 1, "width": 8})
    config.record.num_records = 4
    config.train.num_steps = 30
    return _with_axes(config, (0.01, 0.04), range(2))


def _with_axes(config: Config, rates: Iterable[float], seeds: Iterable[int]) -> Config:
    """Each seed draws its own split of the images too."""
    vary(config, {"optim.learning_rate": rates}, seeds, own="task.split_seed")
    return config


get_config = Variants("edge_of_stability", digits, smoke)
