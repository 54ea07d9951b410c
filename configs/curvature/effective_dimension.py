"""Effective dimension of trained networks of growing width on noisy labels: width x seed."""

from gendyn.sweep import Variants, base_config, vary
from gendyn.types import Config


def digits(curvature: str = "hessian") -> Config:
    """As in ``model_wise_double_descent``, on fewer examples: 400 handwritten digits, 20 % incorrect labels, one hidden
    layer of 4 to 256 relu units, squared error, Adam 3e-3, 4,000 full-batch steps; 12 widths x 5 seeds, measured once,
    after the last step. ``alpha`` is 0.1, 1 and 10 where the largest eigenvalue of the mean loss's Hessian is 50 to
    150: float32 rounding of zero eigenvalues (1e-5) and the trained networks' most negative eigenvalue (-0.1 in the
    median beyond the threshold, -1 in the worst run) count for little, and 100 Lanczos steps resolve it.
    """
    config = base_config(task="digits", model="mlp", optim="adam")
    config.data.update({"num_train": 400, "label_noise": 0.2, "label_noise_kind": "uniform_incorrect"})
    config.model.update({"depth": 1, "activation": "relu"})
    config.optim.learning_rate = 3e-3
    config.loss = "squared_error"
    config.train.update({"num_steps": 4_000, "batch_size": 0})
    # Not at step 0: there the Hessian's smallest eigenvalue is as far from 0 as a third of its largest, and N_eff of an
    # indefinite matrix means nothing.
    config.record.update({"kind": "given", "steps": (4_000,)})
    # Each width in arrays of its own size: dense eigenvalues are found up to 16 units.
    config.sweep.buckets = "exact"
    config.probes = (
        f"hessian_effective_dimension(curvature={curvature!r}, alphas=(0.1, 1.0, 10.0), dense_limit=1300)",
    )
    vary(config, {"model.width": (4, 8, 16, 24, 32, 48, 64, 80, 96, 128, 192, 256)}, range(5))
    return config


def ggn() -> Config:
    """The same with the Gauss-Newton matrix, which has no negative eigenvalues."""
    return digits("ggn")


def smoke() -> Config:
    """Seconds: four widths, two seeds, 40 steps. Its findings mean nothing."""
    config = digits()
    config.data.num_train = 64
    config.train.num_steps = 40
    config.record.steps = (40,)
    config.sweep.buckets = "max"
    config.probes = ("hessian_effective_dimension(alphas=(0.1, 1.0), num_probes=2, num_steps=20, dense_limit=700)",)
    vary(config, {"model.width": (2, 4, 6, 8)}, range(2))
    return config


get_config = Variants("effective_dimension", digits, ggn, smoke)
