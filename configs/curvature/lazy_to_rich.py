"""Lazy to rich: width x output scale x seed, full-batch gradient descent on a regression."""

from collections.abc import Iterable

from gendyn.sweep import Variants, base_config, vary
from gendyn.types import Config


def teacher() -> Config:
    """48 Gaussian inputs of 12 dimensions labelled by a random network of two units; the difference of two equal
    one-hidden-layer tanh networks of 64, 256 or 1,024 units, output scales 0.01 to 10, 4,000 steps, whole kernels of
    96 inputs at 12 records; 8 seeds, each with a teacher, data and initial weights of its own: 168 runs. The learning
    rate is ``0.2 / (scale (scale + 1/4))``: ``1 / scale^2`` keeps the speed of the lazy network the same, but the
    kernel of a rich one grows as ``1 / scale``, which would drive it beyond the limit of stability.
    """
    config = base_config(task="teacher_student", model="antisymmetric_mlp", optim="sgd")
    config.task.update({"num_train": 48, "num_test": 1000, "input_size": 12, "teacher_width": 2})
    config.task.update({"num_outputs": 1, "kind": "regression"})
    # An odd teacher and an odd student, whose kernel has no part that the task cannot use.
    config.model.update({"depth": 1, "activation": "tanh", "use_bias": False, "parametrisation": "ntk"})
    config.optim.momentum = 0.0
    config.loss = "squared_error"
    config.train.update({"num_steps": 4_000, "batch_size": 0})
    config.record.update({"kind": "log", "num_records": 12})
    config.probes = ("kernel_snapshot(num_examples=48)",)
    config.sweep.buckets = "exact"  # three programs, but narrow networks then cost no more than they are
    return _with_axes(config, (64, 256, 1024), (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0), range(10, 18))


def smoke() -> Config:
    """Seconds: two widths, three scales, two seeds, 30 steps. Its findings mean nothing."""
    config = teacher()
    config.task.update({"num_train": 12, "num_test": 20, "input_size": 3})
    config.train.num_steps = 30
    config.sweep.buckets = "auto"
    config.record.num_records = 4
    config.probes = ("kernel_snapshot(num_examples=12)",)
    return _with_axes(config, (4, 8), (0.03, 1.0, 10.0), range(2))


def _with_axes(config: Config, widths: Iterable[int], scales: tuple[float, ...], seeds: Iterable[int]) -> Config:
    """Each scale with its learning rate."""
    rates = [0.2 / (scale * (scale + 0.25)) for scale in scales]
    axes = {"model.width": widths, "model.output_scale": scales, "optim.learning_rate": rates}
    vary(config, axes, seeds, own="task.seed")
    config.zip_axes = (("model.output_scale", "optim.learning_rate"), *config.zip_axes)
    return config


get_config = Variants("lazy_to_rich", teacher, smoke)
