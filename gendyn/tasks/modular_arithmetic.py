"""Every equation of a binary operation modulo a prime: the tasks on which grokking was found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gendyn.core import ConfigError, check_choice, check_positive_int
from gendyn.tasks._equations import equations
from gendyn.types import Task

LARGEST_MODULUS = 4096
"""16.8 million equations. No product of three residues overflows 64-bit integers."""


def _power(base: np.ndarray, exponent: np.ndarray | int, modulus: int) -> np.ndarray:
    """``base^exponent mod p`` by squaring, since the power itself overflows; ``0^0 = 1``, as in Python."""
    result = np.ones_like(base)
    for bit in range(modulus.bit_length()):
        result = np.where(np.right_shift(exponent, bit) & 1, result * base % modulus, result)
        base = base * base % modulus
    return result


def _inverse(residues: np.ndarray, modulus: int) -> np.ndarray:
    """``y^(p - 2) mod p``, which is ``1 / y`` by Fermat's little theorem for ``y != 0``, and 0 for 0."""
    # At p = 2 the exponent is 0, and 0^0 = 1.
    return np.where(residues == 0, 0, _power(residues, modulus - 2, modulus))


def _divide(x: np.ndarray, y: np.ndarray, p: int) -> np.ndarray:
    return x * _inverse(y, p)


Operation = Callable[[np.ndarray, np.ndarray, int], np.ndarray]

OPERATIONS: dict[str, Operation] = {
    "add": lambda x, y, p: x + y,
    "subtract": lambda x, y, p: x - y,
    "multiply": lambda x, y, p: x * y,
    "divide": _divide,
    "square_plus": lambda x, y, p: x**2 + y,
    "cube_plus": lambda x, y, p: x**3 + y,
    "sum_of_squares": lambda x, y, p: x**2 + y**2,
    "quadratic_form": lambda x, y, p: x**2 + x * y + y**2,
    "quadratic_form_plus": lambda x, y, p: x**2 + x * y + y**2 + x,
    "cube_plus_product": lambda x, y, p: x**3 + x * y,
    "cube_plus_square_product": lambda x, y, p: x**3 + x * y**2 + y,
    "divide_or_subtract": lambda x, y, p: np.where(y % 2 == 1, _divide(x, y, p), x - y),
    "add_or_multiply": lambda x, y, p: np.where(x % 2 == 0, x + y, x * y),
    "add_or_subtract": lambda x, y, p: np.where(x % 2 == 0, x + y, x - y),
    "power": _power,
    "gcd": lambda x, y, p: np.gcd(x, y),
}
"""Name -> function of residues ``x, y`` and the modulus; the result is reduced modulo ``p`` by the caller."""


def _check_prime(modulus: Any) -> None:
    check_positive_int("modulus", modulus, low=2)
    if modulus > LARGEST_MODULUS:
        raise ConfigError(
            f"modulus = {modulus} must be at most {LARGEST_MODULUS}: there are about modulus^2 equations."
        )
    is_prime = lambda n: n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))  # noqa: E731
    if not is_prime(modulus):
        closest = min((n for n in range(2, 2 * modulus) if is_prime(n)), key=lambda n: abs(n - modulus))
        raise ConfigError(
            f"modulus = {modulus} must be a prime, so that every residue but 0 has an inverse; {closest} is one."
        )


def modular_arithmetic(
    *,
    modulus: int = 97,
    operation: str = "add",
    layout: str = "pair",
    exclude_zero: bool = False,
    seed: int = 0,
) -> Task:
    """All equations ``x o y = c (mod p)``, in one seeded order; a run trains on a prefix and is tested on the rest.

    ============================  ==========================================  =================
    operation                     c                                           equations
    ============================  ==========================================  =================
    ``add``                       x + y                                       p^2
    ``subtract``                  x - y                                       p^2
    ``multiply``                  x y                                         p^2
    ``divide``                    x y^-1, with y != 0                         p (p - 1)
    ``square_plus``               x^2 + y                                     p^2
    ``cube_plus``                 x^3 + y                                     p^2
    ``sum_of_squares``            x^2 + y^2                                   p^2
    ``quadratic_form``            x^2 + x y + y^2                             p^2
    ``quadratic_form_plus``       x^2 + x y + y^2 + x                         p^2
    ``cube_plus_product``         x^3 + x y                                   p^2
    ``cube_plus_square_product``  x^3 + x y^2 + y                             p^2
    ``divide_or_subtract``        x y^-1 if y is odd, else x - y              p^2
    ``add_or_multiply``           x + y if x is even, else x y                p^2
    ``add_or_subtract``           x + y if x is even, else x - y              p^2
    ``power``                     x^y, with 0^0 = 1                           p^2
    ``gcd``                       gcd(x, y), with gcd(0, 0) = 0               p^2
    ============================  ==========================================  =================

    Division is by the inverse in the field of ``p`` elements (not the integer quotient ``x // y``). Odd and even, the
    exponent and the greatest common divisor are of the representatives in ``0 .. p - 1``. All ``p`` residues are
    answers of ``power`` and ``gcd``, except that ``gcd`` is never 0 where ``y = 0`` is left out. Operations of more
    than two operands, such as ``x + y + z``, are not here: a sequence holds two. The order is one uniform permutation
    of the equations, not stratified by answer: training sets are drawn as in the published experiments.

    Args:
      modulus: ``p``, a prime up to 4,096.
      operation: a name of the table.
      layout: ``"pair"``: tokens ``[x, y]`` of ``p``; ``"equals"``: ``[x, y, =]`` of ``p + 1``; ``"equation"``:
        ``[x, o, y, =]`` of ``p + 2``. Residue ``r`` is token ``r``, ``=`` is ``p``, the operation's sign is ``p + 1``.
      exclude_zero: leaves out ``y = 0``, hence ``p (p - 1)`` equations for any operation: 9,312 for 97, the
        multiplication on which Grokfast was published. Division does so in any case.
      seed: of the order, hence of which equations are trained on.

    Returns:
      ``x`` int32 ``[N, L]``, ``y`` int32 ``[N]`` in ``0 .. p - 1``; ``num_outputs`` is the vocabulary, as the published
      networks score all tokens; ``rest_is_test``.

    Raises:
      ConfigError: a modulus that is no prime or too large, an unknown operation or layout, a negative seed.

    Example:
      >>> task = modular_arithmetic(modulus=97, operation="divide", layout="equation")
      >>> task.x_train.shape, task.num_outputs
      ((9312, 4), 99)

    Reference: Power et al. (2022), Grokking, arXiv:2201.02177, appendix A.1; Tveit et al. (2025), Muon optimizer
    accelerates grokking, arXiv:2504.16041 (``power`` and ``gcd``).
    """
    check_choice("operation", operation, OPERATIONS)
    _check_prime(modulus)
    first = 1 if exclude_zero or operation == "divide" else 0
    x, y = (grid.reshape(-1) for grid in np.meshgrid(np.arange(modulus), np.arange(first, modulus), indexing="ij"))
    answers = OPERATIONS[operation](x, y, modulus) % modulus
    source = f"{operation} modulo {modulus}{' with y != 0' if first else ''}"
    return equations("modular_arithmetic", (x, y), answers, size=modulus, layout=layout, seed=seed, source=source)


def example(folder: Path) -> dict[str, Any]:
    """Small arguments; nothing is written to ``folder``."""
    return {"modulus": 7}
