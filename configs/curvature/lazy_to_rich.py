"""Lazy to rich: width x output scale x seed, full-batch gradient descent on a regression."""

from collections.abc import Sequence

from gendyn.sweep import Variants, base_config
from gendyn.types import Config


def teacher() -> Config:
    """48 Gaussian inputs of 12 dimensions labelled by a random network of two units; the difference of two equal
    one-hidden-layer tanh networks of 64, 256 or 1,024 units, output scales 0.01 to 10, 4,000 steps, whole kernels of
    96 inputs at 12 records; 8 seeds, each with a teacher, data and initial weights of its own: 168 runs. The learning
    rate is ``0.2 / (scale (scale + 1/4))``: ``1 / scale^2`` keeps the speed of the lazy network the same, but the
    kernel of a rich one grows as ``1 / scale``, which would drive it beyond the limit of stability.
    Measured: movement as scale^-1.99 and width^-1.02; linearised outputs off by 3e-4 of the labels' norm at scale 10
    (float32 rounding: one run of width 1,024 had 1e-4, and 6e-7 in float64) and by 37 % or more at 0.01; border at
    0.21, 0.088 and 0.044 for the three widths, a slope of -0.56; test loss at the border 0.61 of the lazy one.
    Refuted: alignment does not grow more on the rich side as a whole. It grows near the border (+0.03) and falls far
    inside the rich side (-0.09 at scale 0.01).
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
    _axes(config, widths=(64, 256, 1024), scales=(0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0), seeds=range(10, 18))
    return config


def smoke() -> Config:
    """Seconds: two widths, three scales, two seeds, 30 steps. Its findings mean nothing."""
    config = teacher()
    config.task.update({"num_train": 12, "num_test": 20, "input_size": 3})
    config.train.num_steps = 30
    config.sweep.buckets = "auto"
    config.record.num_records = 4
    config.probes = ("kernel_snapshot(num_examples=12)",)
    _axes(config, widths=(4, 8), scales=(0.03, 1.0, 10.0), seeds=range(2))
    return config


def _axes(config: Config, *, widths: Sequence[int], scales: Sequence[float], seeds: Sequence[int]) -> None:
    """Each scale with its learning rate, and each seed with a teacher and data of its own."""
    config.axes = (
        ("model.width", tuple(widths)),
        ("model.output_scale", tuple(scales)),
        ("optim.learning_rate", tuple(0.2 / (scale * (scale + 0.25)) for scale in scales)),
        ("seed", tuple(seeds)),
        ("task.seed", tuple(seeds)),
    )
    config.zip_axes = (("model.output_scale", "optim.learning_rate"), ("seed", "task.seed"))


get_config = Variants("lazy_to_rich", teacher, smoke)
