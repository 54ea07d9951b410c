"""Fits of one draw over features and over examples."""

from collections.abc import Sequence

from gendyn import regression
from gendyn.core import ConfigError, stream
from gendyn.core.rules import ascending, each, integer, number, positive
from gendyn.sweep import Leaf, Measured, Simulation, mapped_redraws
from gendyn.types import Array, Config

_NEAR = (34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46)
_FEATURES = (4, 8, 16, 24, 28, 30, 32, *_NEAR, 48, 50, 52, 56, 64, 72, 80, 96, 108, 120)
_RIDGE_FEATURES = (8, 16, 24, 32, 36, 38, 40, 42, 44, 48, 56, 64, 80, 96, 120)
_EXAMPLES = (4, 8, 12, 16, 20, 24, 28, 32, 36, 38, 40, 42, 44, 48, 56, 64, 80)
_SIZES = each(integer(1), ascending("curves over sizes are read from left to right"))


def _noisy(name: str, values: Sequence[float]) -> None:
    if max(values) <= 0:
        raise ConfigError(
            f"{name} = {values} must hold one above 0, such as 0.25: that more data hurt is claimed of noisy labels."
        )


LEAVES = {
    "num_examples": Leaf(40, rule=integer(5), meaning="n, where features are swept"),
    "dimension": Leaf(120, rule=integer(1), meaning="D: all features that the signal is in"),
    "num_features": Leaf(_FEATURES, rule=_SIZES, meaning="p of the minimum-norm fits"),
    "ridge_features": Leaf(_RIDGE_FEATURES, rule=_SIZES, meaning="p of the ridge fits and of the conditioning"),
    "penalties": Leaf((1.0, 10.0, 1000.0), rule=each(positive()), meaning="fixed ones, beside the optimal"),
    "spectrum_features": Leaf((10, 20, 40, 80), rule=_SIZES, meaning="p of the histograms of singular values"),
    "fixed_dimension": Leaf(40, rule=integer(6), meaning="d, where examples are swept"),
    "examples": Leaf(_EXAMPLES, rule=_SIZES, meaning="n at the fixed dimension"),
    "runs_at_once": Leaf(1200, "execution", integer(1), "runs of a chunk"),
    "noise_variance": Leaf(0.25, "axis", number(0), "of the labels, beside the signal 1", _noisy),
    "seed": Leaf(0, "axis", integer(0), "a redraw"),
}
BINS = 40
"""Of the histograms of singular values."""
SWEPT = ("num_examples", "dimension", "num_features", "ridge_features", "penalties", "spectrum_features")


def check(config: Config) -> None:
    """Sizes on both sides of the peak, none larger than there are columns."""
    n, fixed = config.num_examples, config.fixed_dimension
    for name in ("num_features", "ridge_features", "spectrum_features"):
        if (largest := config[name][-1]) > config.dimension:
            raise ConfigError(f"config.{name} holds {largest} of {config.dimension} columns. Raise config.dimension.")
        if n not in config[name][1:-1] and name != "spectrum_features":
            raise ConfigError(
                f"config.{name} = {config[name]} must hold num_examples = {n}, a smaller and a larger size: the peak "
                "is there."
            )
    if not set(config.ridge_features) <= set(config.num_features):
        raise ConfigError(
            f"config.ridge_features = {config.ridge_features} must be among num_features = {config.num_features}, so "
            "that penalties are compared with none."
        )
    if sum(count <= fixed - 4 for count in config.examples) < 2:
        raise ConfigError(
            f"config.examples = {config.examples} must hold two sizes of at most fixed_dimension - 4 = {fixed - 4}: "
            "the claim that more data hurt compares them."
        )


def program(config: Config) -> Simulation:
    """Draws and solves every redraw; its noise levels share one sample and the decompositions of it."""
    over = {name: config[name] for name in SWEPT}
    fixed = {"dimension": config.fixed_dimension, "num_examples": config.examples}

    def redraw(key: Array, noise_variance: Array) -> dict[str, Array]:
        features = regression.isotropic_features(stream(key, "features"), noise_variance, bins=BINS, **over)
        examples = regression.isotropic_examples(stream(key, "examples"), noise_variance, **fixed)
        return features._asdict() | {f"examples_{name}": risk for name, risk in examples._asdict().items()}

    many, some, counts = ((len(sizes),) for sizes in (config.num_features, config.ridge_features, config.examples))
    measured = {
        "risk": Measured("risk, minimum norm", many),
        "squared_norm": Measured("squared norm of the coefficients, minimum norm", many),
        "ridge_risk": Measured("risk, ridge", (len(config.penalties), *some)),
        "optimal_ridge_risk": Measured("risk, optimal ridge", some),
        "smallest_singular_value": Measured("smallest singular value of X / sqrt(n)", some),
        "condition_number": Measured("condition number of X", some),
        "spectrum": Measured("density of singular values of X / sqrt(n)", (len(config.spectrum_features), BINS)),
        "examples_risk": Measured("risk at fixed dimension, minimum norm", counts),
        "examples_optimal_risk": Measured("risk at fixed dimension, optimal ridge", counts),
    }
    return mapped_redraws(config, measured, redraw, within="noise_variance")
