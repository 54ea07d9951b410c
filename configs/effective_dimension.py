"""Effective dimension of the trained networks of the model-wise double-descent sweep: width x seed.

    python scripts/sweep.py --config=configs/effective_dimension.py --workdir=runs/effective_dimension
    python scripts/report.py --workdir=runs/effective_dimension

Variants, as ``--config=configs/effective_dimension.py:ggn``:

``digits`` (default)
    The networks of ``configs/model_wise_double_descent.py`` at 20 % incorrect labels: 400 handwritten digits, one
    hidden layer of 4 to 256 relu units, squared error, Adam 3e-3, 4,000 full-batch steps; 12 widths x 5 seeds = 60
    runs, measured once, after the last step. ``alpha`` is 0.1, 1 and 10 where the largest eigenvalue of the mean loss's
    Hessian is 50 to 150: float32 rounding of zero eigenvalues (1e-5) and the trained networks' most negative eigenvalue
    (-0.1 in the median beyond the threshold, -1 in the worst run) count for little, and 100 Lanczos steps resolve it.
    Measured at alpha = 0.1: N_eff rises from 957 (64 units, where train error first reaches 0) to 1,673 (256) while
    test loss falls from 1.3 to 0.87: the claim is refuted, at every alpha. The 100 Ritz values stay between 90 and 91.4
    there and decide nothing. Dense eigenvalues at 64 units, one run: 946 against 957, with 16 for
    the plain standard error over four probes.
``ggn``
    The same with the Gauss-Newton matrix, which has no negative eigenvalues. Measured: the same verdicts on the whole
    spectrum.
``smoke``
    Seconds: four widths, two seeds, 40 steps. Its findings mean nothing.
"""

from collections.abc import Callable

import ml_collections

from gendyn.sweep import base_config, choose_variant


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """The config of a variant; ``""`` is ``digits``.

    Raises:
        ConfigError: an unknown variant.
    """
    return choose_variant("effective_dimension", VARIANTS, variant).lock()


def _digits(curvature: str = "hessian") -> ml_collections.ConfigDict:
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
    widths = (4, 8, 16, 24, 32, 48, 64, 80, 96, 128, 192, 256)
    config.axes = (("model.width", widths), ("seed", tuple(range(5))))
    return config


def _ggn() -> ml_collections.ConfigDict:
    return _digits("ggn")


def _smoke() -> ml_collections.ConfigDict:
    config = _digits()
    config.data.num_train = 64
    config.train.num_steps = 40
    config.record.steps = (40,)
    config.sweep.buckets = "max"
    config.probes = ("hessian_effective_dimension(alphas=(0.1, 1.0), num_probes=2, num_steps=20, dense_limit=700)",)
    config.axes = (("model.width", (2, 4, 6, 8)), ("seed", (0, 1)))
    return config


VARIANTS: dict[str, Callable[[], ml_collections.ConfigDict]] = {"digits": _digits, "ggn": _ggn, "smoke": _smoke}
