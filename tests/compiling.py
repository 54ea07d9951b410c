"""How the tests' own process compiles: quickly, since most of a cold suite is compilation.

LLVM's expensive passes are left out, and what is fused is emitted by XLA's older and quicker emitters, where jaxlib
still has them (an unknown flag would end the process). Not so in the processes that tests start (the README's commands,
the command line), nor in ``make test-slow``, which sets ``JAX_DISABLE_MOST_OPTIMIZATIONS`` to 0.
"""

import os

import jax
import jaxlib.version

FAST = os.environ.get("JAX_DISABLE_MOST_OPTIMIZATIONS", "1") == "1"
_OLDER_EMITTERS = FAST and jaxlib.version.__version_info__ < (0, 11)
_FLAGS = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_use_fusion_emitters=false".strip()

ALIKE = {"JAX_DISABLE_MOST_OPTIMIZATIONS": str(int(FAST)), **({"XLA_FLAGS": _FLAGS} if _OLDER_EMITTERS else {})}
"""Environment variables for a process whose bits must be those of the tests' own."""


def start() -> None:
    """Before the first program, at which XLA reads its flags, once; the environment stays as it was."""
    jax.config.update("jax_disable_most_optimizations", FAST)
    before = os.environ.get("XLA_FLAGS")
    os.environ.update({name: value for name, value in ALIKE.items() if name == "XLA_FLAGS"})
    jax.jit(lambda: 0).lower().compile()
    if before is None:
        os.environ.pop("XLA_FLAGS", None)
    else:
        os.environ["XLA_FLAGS"] = before
