"""Descent on squared and on logistic loss, many redraws at once, with closed forms beside it."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn import regression, theory
from gendyn.core import stream
from gendyn.types import Array

METHODS = ("gradient descent", "momentum", "Adam")
"""Of the logistic problems, in the order of the records."""


_Carry = tuple[Array, Array, optax.OptState]
"""Weights, one column a method; momentum's velocity; Adam's state."""


class Regression(NamedTuple):
    """Squared loss ``|y - X w|^2 / (2 n)``; one column of weights for each way to descend."""

    num_examples: int
    num_features: int
    noise: float
    learning_rate: float
    momentum: float
    initial_scales: tuple[float, ...]
    """Of gradient descent, the first 0; columns ``0 .. S - 1``. Column ``S`` is momentum, the others are Adam."""
    adam_learning_rates: tuple[float, ...]
    steps: tuple[int, ...]
    """The recorded steps, the last of them the end."""


class Separable(NamedTuple):
    """Logistic loss, summed over examples with labels of a linear teacher; columns are :data:`METHODS`."""

    name: str
    num_examples: int
    num_features: int
    margin: float
    """By which examples are moved away from the teacher's hyperplane."""
    learning_rate: float
    momentum: float
    adam_learning_rate: float
    steps: tuple[int, ...]


def regression_records(setting: Regression, seeds: Array) -> dict[str, np.ndarray]:
    """Records ``[R, ...]`` of the linear problem: descent in float64, closed forms on the host."""
    found = {name: np.asarray(value) for name, value in _regress(setting, seeds).items()}
    x, y, teacher, path, shortest = (found.pop(name) for name in ("x", "y", "teacher", "path", "shortest"))
    times = setting.learning_rate * np.array(setting.steps)
    flows, flow_risk = [], []
    for design, targets, truth in zip(x, y, teacher, strict=True):
        eigenvalues, vectors = np.linalg.eigh(design.T @ design / setting.num_examples)
        # Rounding makes the p - n eigenvalues of 0 come out as -+1e-16.
        eigenvalues = np.where(eigenvalues > 1e-10 * eigenvalues[-1], eigenvalues, 0.0)
        projections = vectors.T @ (design.T @ targets) / setting.num_examples
        flows.append(theory.gradient_flow_coefficients(times, eigenvalues, projections) @ vectors.T)
        shape = {"num_examples": setting.num_examples, "noise_variance": setting.noise**2}
        flow_risk.append(theory.gradient_flow_risk(times, eigenvalues, (vectors.T @ truth) ** 2, **shape))
    flow, length = np.array(flows), np.linalg.norm(shortest, axis=1)
    return found | {
        "flow_risk": np.array(flow_risk),
        "flow_distance": np.linalg.norm(flow - shortest[:, None], axis=2) / length[:, None],
        "flow_gap": np.max(np.linalg.norm(path - flow, axis=2), axis=1) / length,
    }


@functools.partial(jax.jit, static_argnums=0)
def _regress(setting: Regression, seeds: Array) -> dict[str, Array]:
    n, p, rate, last = setting.num_examples, setting.num_features, setting.learning_rate, setting.steps[-1]
    scales, adam_rates = jnp.array(setting.initial_scales), jnp.array(setting.adam_learning_rates)
    adam = optax.scale_by_adam()
    gaps = jnp.array(np.diff(setting.steps, prepend=0))
    times = rate * np.array(setting.steps)

    def one(seed: Array) -> dict[str, Array]:
        key = stream(jax.random.key(seed), "regression")
        x = jax.random.normal(stream(key, "x"), (n, p), jnp.float64)
        teacher, direction = jax.random.normal(stream(key, "weights"), (2, p), jnp.float64) / math.sqrt(p)
        y = x @ teacher + setting.noise * jax.random.normal(stream(key, "noise"), (n,), jnp.float64)
        shortest = regression.least_squares(x, y).coefficients
        plain = len(setting.initial_scales)

        def step(index: Array, carry: _Carry) -> _Carry:
            weights, velocity, state = carry
            gradient = x.T @ (x @ weights - y[:, None]) / n
            velocity = setting.momentum * velocity + gradient[:, plain]
            adapted, state = adam.update(gradient[:, plain + 1 :], state)
            # A constant rate would leave Adam in a cycle as wide as a step.
            cosine = 0.5 * (1.0 + jnp.cos(jnp.pi * index / last))
            change = [rate * gradient[:, :plain], rate * velocity[:, None], adam_rates * cosine * adapted]
            return weights - jnp.concatenate(change, axis=1), velocity, state

        def segment(carry: _Carry, bounds: Array) -> tuple[_Carry, tuple[Array, Array]]:
            carry = jax.lax.fori_loop(bounds[0], bounds[1], step, carry)
            weights = carry[0]
            return carry, (weights[:, 0], jnp.linalg.norm(weights - shortest[:, None], axis=0))

        start = jnp.zeros((p, plain + 1 + len(setting.adam_learning_rates)))
        start = start.at[:, :plain].set(direction[:, None] * scales)
        ends = jnp.array(setting.steps)
        bounds = jnp.stack([ends - gaps, ends], axis=1)
        carry = (start, jnp.zeros(p), adam.init(start[:, plain + 1 :]))
        (weights, _, _), (path, distances) = jax.lax.scan(segment, carry, bounds)
        end = regression.minimum_norm_gap(x, jnp.tile(y[:, None], weights.shape[1]), weights)
        begin = regression.minimum_norm_gap(x, jnp.tile(y[:, None], plain), start[:, :plain])
        ridges = regression.ridge(x, y, n / jnp.asarray(times)).coefficients
        return {
            "x": x,
            "y": y,
            "teacher": teacher,
            "path": path,
            "shortest": shortest,
            "distance": distances.T / jnp.linalg.norm(shortest),
            "final_distance": distances[-1],
            "residual": end.residual / jnp.linalg.norm(y),
            "start_outside": begin.outside_row_space,
            "descent_risk": jnp.sum((path - teacher) ** 2, axis=1),
            "ridge_risk": jnp.sum((ridges - teacher) ** 2, axis=1),
        }

    return jax.vmap(one)(seeds)


def separable_records(setting: Separable, seeds: Array) -> dict[str, np.ndarray]:
    """Records ``[R, ...]`` of one logistic problem, with the hard-margin solution of each redraw beside them."""
    times = setting.learning_rate * np.array(setting.steps)
    rows = []
    for points, path in zip(*map(np.asarray, _separate(setting, seeds)), strict=True):
        best = regression.max_margin(points, np.ones(len(points)))
        late = theory.max_margin_path(times, points, best.dual)
        largest, weights = _largest_sup_margin(points), np.moveaxis(path, -1, 0)  # weights [methods, records, p]
        margins, late_margins = (np.min(each @ points.T, axis=-1) for each in (weights, late.coefficients))
        rows.append(
            {
                "angle": regression.angle(weights, best.direction),
                "margin_share": margins / np.linalg.norm(weights, axis=-1) / best.margin,
                "sup_margin_share": margins / np.max(np.abs(weights), axis=-1) / largest,
                "late_angle": regression.angle(late.coefficients, best.direction),
                "late_margin_share": late_margins / np.linalg.norm(late.coefficients, axis=-1) / best.margin,
                "complete": np.array(late.complete),
            }
        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _largest_sup_margin(points: np.ndarray) -> float:
    """``max_w min_i z_i . w`` over ``max_j |w_j| <= 1``, by linear programming."""
    from scipy.optimize import linprog

    n, p = points.shape
    bounds = [(-1.0, 1.0)] * p + [(None, None)]
    goal = np.append(np.zeros(p), -1.0)
    return float(-linprog(goal, A_ub=np.hstack([-points, np.ones((n, 1))]), b_ub=np.zeros(n), bounds=bounds).fun)


@functools.partial(jax.jit, static_argnums=0)
def _separate(setting: Separable, seeds: Array) -> tuple[Array, Array]:
    """Examples times labels ``[R, n, p]``, and weights ``[R, T, p, methods]``."""
    n, p = setting.num_examples, setting.num_features
    # Adam without its eps: with it, gradients that vanish would turn it into plain descent in the end.
    adam = optax.scale_by_adam(eps=0.0)
    gaps = jnp.array(np.diff(setting.steps, prepend=0))

    def one(seed: Array) -> tuple[Array, Array]:
        key = stream(jax.random.key(seed), setting.name)
        x = jax.random.normal(stream(key, "x"), (n, p), jnp.float64) / math.sqrt(p)
        teacher = jax.random.normal(stream(key, "teacher"), (p,), jnp.float64)
        teacher = teacher / jnp.linalg.norm(teacher)
        signed = x * jnp.sign(x @ teacher)[:, None] + setting.margin * teacher

        def step(_: Array, carry: _Carry) -> _Carry:
            weights, velocity, state = carry
            gradient = -signed.T @ jax.nn.sigmoid(-(signed @ weights))
            velocity = setting.momentum * velocity + (1.0 - setting.momentum) * gradient[:, 1]
            adapted, state = adam.update(gradient[:, 2], state)
            change = [
                setting.learning_rate * gradient[:, 0],
                setting.learning_rate * velocity,
                setting.adam_learning_rate * adapted,
            ]
            return weights - jnp.stack(change, axis=1), velocity, state

        def segment(carry: _Carry, gap: Array) -> tuple[_Carry, Array]:
            carry = jax.lax.fori_loop(0, gap, step, carry)
            return carry, carry[0]

        carry = (jnp.zeros((p, len(METHODS))), jnp.zeros(p), adam.init(jnp.zeros(p)))
        return signed, jax.lax.scan(segment, carry, gaps)[1]

    return jax.vmap(one)(seeds)
