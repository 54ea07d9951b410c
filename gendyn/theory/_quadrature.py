"""Averages over the Marchenko-Pastur law, by a rule that resolves what happens at its lower edge."""

import math

import numpy as np

from gendyn.theory.marchenko_pastur import marchenko_pastur_edges

_MOST_NODES, _POLE_NODES = 1 << 18, 1 << 14


def marchenko_pastur_quadrature(ratio: float, exponent: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of averages over the continuous part, for integrands as sharp as ``exp(-exponent * v)``.

    With ``v = 1 + ratio + 2 sqrt(ratio) cos(angle)`` the law is ``2 sin(angle)^2 / (pi v)`` on ``(0, pi)``: the
    trapezoid rule converges geometrically, at a rate set by the pole ``v = 0`` at ``angle = pi + i log(ratio) / 2``
    and by the width ``1 / sqrt(exponent)`` of the integrand at the lower edge.
    """
    distance = abs(math.log(ratio))
    pole = 40.0 / distance if distance > 0 else math.inf
    count = int(min(_MOST_NODES, max(512.0, min(pole, _POLE_NODES), 16.0 * math.sqrt(exponent * math.sqrt(ratio)))))
    angle = np.pi * np.arange(1, count + 1) / (count + 1)
    # Not 1 + ratio + 2 sqrt(ratio) cos: that cancels at the lower edge, where everything happens.
    low, _ = marchenko_pastur_edges(ratio)
    eigenvalues = low + 4.0 * math.sqrt(ratio) * np.cos(0.5 * angle) ** 2
    weights = 2.0 / (count + 1) * np.sin(angle) ** 2 / eigenvalues
    if pole > count:
        # What the rule misses of a pole this near is its residue, the integrand at v = 0, times the mass it misses.
        eigenvalues = np.append(eigenvalues, 0.0)
        weights = np.append(weights, min(1.0, 1.0 / ratio) - weights.sum())
    return eigenvalues, weights
