"""Model-wise double descent: width x label noise x seed."""

from gendyn.sweep import Variants, base_config
from gendyn.types import Config


def digits() -> Config:
    """The demo. 400 handwritten digits of 8 x 8 pixels, one hidden layer of 2 to 256 relu units, squared error, Adam
    3e-3, 4,000 full-batch steps; 20 % incorrect labels and none; 14 widths x 2 noises x 10 seeds = 280 runs. Built
    for 2 CPU cores and at most 6 minutes. Expected at 20 % (one earlier measurement): test loss falls to about 0.9,
    peaks at about 1.4 near 64 units (4,810 parameters; n K = 4,000), where train error first reaches 0, and is 0.77
    at 256.
    """
    config = _one_hidden_layer("digits", num_train=400)
    # Denser around n K / (64 + 1 + 10) = 53 units, where the peak is expected.
    widths = (2, 4, 8, 16, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256)
    config.axes = (("model.width", widths), ("data.label_noise", (0.0, 0.2)), ("seed", tuple(range(10))))
    return config


def mnist5k() -> Config:
    """The same on 1,000 images of MNIST, the setting of Belkin et al. (2019): n K = 10,000 is reached near 13 units. Tens
    of minutes on a CPU, by operations counted, not measured.
    """
    config = _one_hidden_layer("mnist5k", num_train=1000)
    config.optim.learning_rate = 1e-3
    widths = (2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 32, 48, 64, 128)
    config.axes = (("model.width", widths), ("data.label_noise", (0.0, 0.2)), ("seed", tuple(range(10))))
    return config


def smoke() -> Config:
    """Seconds: three widths, two seeds, 40 steps. Its findings mean nothing."""
    config = _one_hidden_layer("digits", num_train=64)
    config.train.num_steps = 40
    config.record.num_records = 5
    config.axes = (("model.width", (2, 4, 16)), ("data.label_noise", (0.0, 0.2)), ("seed", (0, 1)))
    return config


def cifar10_resnet() -> Config:
    """The grid of Nakkiran et al. (2020), figure 4: pre-activation ResNet-18 of width k = 1 ... 64, Adam 1e-4, batch 128,
    crop and flip, 4,000 epochs, label noise 0, 10, 15 and 20 %, one seed, 256 runs. For GPUs and your own CIFAR-10
    folder: ``--config.task.folder=/data/cifar-10-batches-bin``. One seed gives no interval, so every finding is
    undecided: more seeds judge, at as many times the cost (name all three axes, ``--axis`` replaces those here).
    Published at 20 % (authors' data, last epoch): test
    error 24.6 % at k = 3, 34.6 % at 12, 19.6 % at 64.
    """
    config = base_config(task="cifar10", model="resnet18", optim="adam")
    config.optim.learning_rate = 1e-4
    config.loss = "cross_entropy"
    config.train.batch_size = 128
    config.train.augment = True
    config.train.num_steps = 4_000 * (50_000 // 128)
    config.record.num_records = 60
    config.axes = (("model.width", tuple(range(1, 65))), ("data.label_noise", (0.0, 0.1, 0.15, 0.2)), ("seed", (0,)))
    return config


def _one_hidden_layer(task: str, *, num_train: int) -> Config:
    config = base_config(task=task, model="mlp", optim="adam")
    config.data.num_train = num_train
    config.data.label_noise_kind = "uniform_incorrect"
    config.model.depth = 1
    config.model.activation = "relu"
    config.optim.learning_rate = 3e-3
    config.loss = "squared_error"
    config.train.num_steps = 4_000
    config.train.batch_size = 0
    return config


get_config = Variants("model_wise_double_descent", digits, mnist5k, cifar10_resnet, smoke)
