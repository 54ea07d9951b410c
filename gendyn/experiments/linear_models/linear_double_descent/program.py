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
_MORE_FEATURES = (24, 32, 40, 48, 54, 58, 60, 62, 66, 72, 80, 96, 120)
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
    "more_examples": Leaf(60, rule=integer(5), meaning="n of a second sweep over features"),
    "more_features": Leaf(_MORE_FEATURES, rule=_SIZES, meaning="p of its minimum-norm fits"),
    "num_aligned": Leaf(8, rule=integer(1), meaning="features that hold the aligned target"),
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
    for name in ("num_features", "ridge_features", "spectrum_features", "more_features"):
        if (largest := config[name][-1]) > config.dimension:
            raise ConfigError(f"config.{name} holds {largest} of {config.dimension} columns. Raise config.dimension.")
        peak = "more_examples" if name == "more_features" else "num_examples"
        if config[peak] not in config[name][1:-1] and name != "spectrum_features":
            raise ConfigError(
                f"config.{name} = {config[name]} must hold {peak} = {config[peak]}, a smaller and a larger size: the "
                "peak is there."
            )
    if config.more_examples == n or config.num_aligned > config.ridge_features[0]:
        raise ConfigError(
            f"config.more_examples = {config.more_examples} must not be num_examples = {n}, and config.num_aligned = "
            f"{config.num_aligned} at most the first of ridge_features = {config.ridge_features}."
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
    aligned = {name: config[name] for name in ("num_examples", "dimension", "num_aligned")}
    aligned["num_features"] = config.ridge_features

    def redraw(key: Array, noise_variance: Array) -> dict[str, Array]:
        features = regression.isotropic_features(stream(key, "features"), noise_variance, bins=BINS, **over)
        examples = regression.isotropic_examples(stream(key, "examples"), noise_variance, **fixed)
        risks = regression.aligned_risks(stream(key, "aligned"), noise_variance, **aligned)._asdict()
        named = {f"examples_{name}": rows for name, rows in examples._asdict().items()}
        named |= {f"aligned_{name}_risk": rows for name, rows in risks.items()}
        return features._asdict() | named | {"more_risk": _second_sweep(config, stream(key, "more"), noise_variance)}

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
        "examples_smallest_singular_value": Measured("smallest singular value of X / sqrt(n), fixed dimension", counts),
        "aligned_gaussian_risk": Measured("risk of the aligned target, minimum norm", some),
        "aligned_orthogonal_risk": Measured("the same with equal singular values", some),
        "more_risk": Measured("risk with more examples, minimum norm", (len(config.more_features),)),
    }
    return mapped_redraws(config, measured, redraw, within="noise_variance")


def _second_sweep(config: Config, key: Array, noise_variances: Array) -> Array:
    """The risk of the minimum norm over features with another number of examples, ``[V, P]``."""
    n, dimension, sizes = config.more_examples, config.dimension, config.more_features
    sample = {"num_examples": n, "dimension": dimension, "noise_variances": noise_variances}
    return regression.isotropic_risk(regression.gram_fits(*regression.isotropic_sample(key, **sample), sizes)).T
