"""Gaussian processes on images with corrupted labels: accuracy, evidence, and what the evidence chooses."""

from gendyn.experiments import declared_config
from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """400 of the 1,000 training digits, 11 levels and both kinds of corruption, 128 redraws each; 10 to 50 digits."""
    config = declared_config("benign_gp")
    config.axes = (("noise_kind", ("uniform_any", "uniform_incorrect")), ("seed", tuple(range(128))))
    return config


def smoke() -> Config:
    """Seconds: 60 digits, 3 levels, 2 redraws. Its findings mean nothing."""
    config = default()
    config.axes = (config.axes[0], ("seed", (0, 1)))
    config.num_train, config.num_test, config.num_binary, config.num_binary_test = 60, 100, 30, 50
    config.corruption, config.optimiser_steps, config.runs_at_once, config.few = (0.0, 0.5, 1.0), 20, 2, (10, 20)
    return config


def mnist5k() -> Config:
    """1,000 of the 4,000 training images of MNIST-5k. Not run as reported."""
    config = default()
    config.data, config.num_train, config.num_test, config.runs_at_once = "mnist5k", 1000, 500, 4
    config.num_binary, config.num_binary_test = 400, 150
    return config


def cifar10() -> Config:
    """Airplanes against automobiles, 2,000 images. Not run as reported.

    ``--config.folder=...`` is the folder with the files of CIFAR-10's binary version.
    """
    config = default()
    config.data, config.num_train, config.num_test, config.runs_at_once = "cifar10", 2000, 1000, 1
    config.classes = config.binary_classes = (0, 1)
    config.num_binary, config.num_binary_test = 1000, 1000
    return config


get_config = Variants("benign_gp", default, smoke, mnist5k, cifar10)
