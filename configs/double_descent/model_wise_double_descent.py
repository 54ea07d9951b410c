"""Model-wise double descent: width x label noise x seed."""

from gendyn.sweep import Variants, base_config, vary
from gendyn.types import Config

NOISES = (0.0, 0.2)


def digits() -> Config:
    """The demo. 600 handwritten digits of 8 x 8 pixels, one hidden layer of 2 to 512 relu units, squared error, Adam
    3e-3, 3,000 full-batch steps; 20 % incorrect labels and none; 12 widths x 2 noises x 8 seeds = 192 runs. A seed
    draws its own split, labels and initial weights. Chosen on seeds and splits from 100 on.
    """
    config = _one_hidden_layer("digits", num_train=600)
    # A program for each width, which the chunks of all splits share: sizes packed together would be padded by 44 %.
    config.sweep.buckets = "exact"
    # Densest around n K / (64 + 1 + 10) = 80 units; and far enough beyond them to see the second descent.
    widths = (2, 8, 16, 24, 32, 48, 64, 80, 96, 128, 256, 512)
    vary(config, {"model.width": widths, "data.label_noise": NOISES}, range(8), own="task.split_seed")
    return config


def mnist5k() -> Config:
    """The same on 4,000 images of MNIST, for a GPU or hours of a CPU: n K = 40,000 is reached near 50 units. Tried on
    one seed (100), 1,600 steps, 20 %: test loss 0.90, 0.90, 0.84, 0.84, 0.53, 0.45 at widths 2, 8, 16, 24, 48, 96, so
    it falls first; the widest still has 14 % training error, and where it peaks is not known. On 1,000 images, as in
    Belkin et al. (2019), it falls to 0.78 at 32 units, not far below the 0.90 of a constant.
    """
    config = _one_hidden_layer("mnist5k", num_train=4_000)
    config.optim.learning_rate = 1e-3
    config.train.num_steps = 4_000
    config.sweep.buckets = "exact"
    widths = (2, 8, 24, 48, 72, 96, 128, 192, 384, 768)
    vary(config, {"model.width": widths, "data.label_noise": NOISES}, range(5), own="task.split_seed")
    return config


def cifar10_resnet() -> Config:
    """The grid of Nakkiran et al. (2020), figure 4: pre-activation ResNet-18 of width k = 1 ... 64, Adam 1e-4, batches
    of 128, crop and flip, 4,000 epochs, label noise 0, 10, 15 and 20 %, one seed, 256 runs. For GPUs and your own
    CIFAR-10 folder: ``--config.task.folder=/data/cifar-10-batches-bin``. One seed gives no interval, so every finding
    is undecided: for a verdict add seeds, at as many times the cost (name all three axes, ``--axis`` replaces those
    here).
    """
    config = base_config(task="cifar10", model="resnet18", optim="adam")
    config.optim.learning_rate = 1e-4
    config.loss = "cross_entropy"
    config.train.update({"batch_size": 128, "augment": True, "num_steps": 4_000 * (50_000 // 128)})
    config.record.num_records = 60
    vary(config, {"model.width": range(1, 65), "data.label_noise": (0.0, 0.1, 0.15, 0.2)}, (0,))
    return config


def smoke() -> Config:
    """Seconds: three widths, two seeds, 40 steps. Its findings mean nothing."""
    config = _one_hidden_layer("digits", num_train=64)
    config.train.num_steps = 40
    config.record.num_records = 5
    vary(config, {"model.width": (2, 4, 16), "data.label_noise": NOISES}, (0, 1), own="task.split_seed")
    return config


def _one_hidden_layer(task: str, *, num_train: int) -> Config:
    config = base_config(task=task, model="mlp", optim="adam")
    config.data.update({"num_train": num_train, "label_noise_kind": "uniform_incorrect"})
    config.model.update({"depth": 1, "activation": "relu"})
    config.optim.learning_rate = 3e-3
    config.loss = "squared_error"
    config.train.update({"num_steps": 3_000, "batch_size": 0})
    return config


get_config = Variants("model_wise_double_descent", digits, mnist5k, cifar10_resnet, smoke)
