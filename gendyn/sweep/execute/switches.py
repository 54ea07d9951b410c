"""JAX's switches for the whole process that no sweep can work under: refused by name before anything is computed."""

import jax

from gendyn.core import ConfigError

_FINITE = "a run that diverges is a result here, and NaN marks what is not known yet"
_GUARD = "a sweep moves its states between host and devices"
REFUSED = {
    "jax_debug_nans": ((False,), _FINITE),
    "jax_debug_infs": ((False,), _FINITE),
    "jax_default_prng_impl": (("threefry2x32",), "every draw of a run is defined by the threefry generator"),
    "jax_disable_jit": ((False,), "runs are compiled ahead of time"),
    "jax_numpy_dtype_promotion": (("standard",), "networks and filters mix numbers of several types"),
    "jax_numpy_rank_promotion": (("allow", "warn"), "networks and metrics rely on broadcasting"),
    "jax_transfer_guard": ((None, "allow", "log"), _GUARD),
    "jax_transfer_guard_host_to_device": ((None, "allow", "log"), _GUARD),
    "jax_transfer_guard_device_to_device": ((None, "allow", "log"), _GUARD),
    "jax_transfer_guard_device_to_host": ((None, "allow", "log"), _GUARD),
}
"""Of jax's config: the values that work, and why no other does."""


def check_switches() -> None:
    """Refuses a process in which a switch of JAX has a value that no sweep works under.

    The value of the process counts, and that of the thread: a sweep compiles in threads of its own, which a context
    manager such as ``jax.debug_nans`` does not reach.

    Raises:
        ConfigError: the switch, its value, why, and the value to set.
    """
    for name, (allowed, why) in REFUSED.items():
        for value in (jax.config.values[name], getattr(jax.config, name)):
            if value not in allowed:
                usual = next(usual for usual in allowed if usual is not None)
                shown = getattr(value, "value", value)  # an enumeration
                raise ConfigError(
                    f"{name.upper()} = {shown}: sweeps do not work under this switch of JAX, since {why}. Unset the "
                    f"environment variable, or call jax.config.update({name!r}, {usual!r}) for the sweep."
                )
