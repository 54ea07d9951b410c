"""What the deep-linear experiment accepts."""

from typing import TYPE_CHECKING

from gendyn.core import ConfigError, check_positive_int, check_range

if TYPE_CHECKING:
    import ml_collections


def steps_per_record(config: "ml_collections.ConfigDict", rate: float) -> int:
    """Gradient steps between two records of the modes."""
    return round(config.horizon / (config.num_times - 1) / rate)


def check(config: "ml_collections.ConfigDict") -> None:
    """Raises :class:`ConfigError` for a leaf out of range, before anything compiles."""
    positive = ("dimension", "num_aligned", "num_redraws", "product_size", "completion_size", "completion_rank")
    for name in (*positive, "num_observed", "completion_steps", "runs_at_once"):
        check_positive_int(f"config.{name}", config[name])
    check_positive_int("config.num_times", config.num_times, low=3)
    for name in ("horizon", "random_learning_rate", "completion_rate", "initial"):
        check_range(f"config.{name}", config[name], low=0, open_low=True)
    for name, low in (("depths", 1), ("product_depths", 1), ("completion_depths", 1)):
        for depth in config[name]:
            check_positive_int(f"config.{name}: each", depth, low=low)
    for name in ("singular_values", "learning_rates", "scales"):
        check_range(f"config.{name}: each", config[name], low=0, open_low=True)
        if len(set(config[name])) < len(config[name]) or len(config[name]) < 2:
            raise ConfigError(f"config.{name} = {config[name]} must hold at least two different numbers.")
    if 2 not in config.depths or not {1, 2, 3} <= set(config.completion_depths):
        raise ConfigError(
            f"config.depths = {config.depths} must hold 2, and config.completion_depths = "
            f"{config.completion_depths} 1, 2 and 3: the claims ask."
        )
    if tuple(sorted(config.singular_values, reverse=True)) != tuple(config.singular_values):
        raise ConfigError(f"config.singular_values = {config.singular_values} must fall: the strongest mode first.")
    if config.initial >= min(config.singular_values) / 2:
        raise ConfigError(
            f"config.initial = {config.initial} must be below half of the weakest mode, "
            f"{min(config.singular_values):g}."
        )
    if len(config.singular_values) >= config.dimension:
        raise ConfigError(
            f"config.dimension = {config.dimension} must exceed the {len(config.singular_values)} modes: gradient flow "
            "keeps the sign of the determinant, so a map of full rank is out of reach from half of all directions."
        )
    entries = config.completion_size**2
    if config.num_observed >= entries or config.completion_rank > config.completion_size:
        raise ConfigError(
            f"config.num_observed = {config.num_observed} must be below the {entries} entries, and "
            f"config.completion_rank = {config.completion_rank} at most config.completion_size."
        )
    rates = (*config.learning_rates, config.random_learning_rate)
    gap = config.horizon / (config.num_times - 1)
    for rate in rates:
        if abs(steps_per_record(config, rate) * rate - gap) > 1e-9 * gap:
            raise ConfigError(
                f"config.learning_rates: horizon / (num_times - 1) = {gap:g} must be a whole number of steps of "
                f"{rate:g}."
            )
    if any(abs(a / b - 10.0) > 1e-9 for a, b in zip(config.learning_rates, config.learning_rates[1:], strict=False)):
        raise ConfigError(f"config.learning_rates = {config.learning_rates} must fall by decades.")
