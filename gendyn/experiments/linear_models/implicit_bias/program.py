"""The leaves of the three problems, what descends on them, and what is recorded of a redraw of them."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn import regression, theory
from gendyn.core import ConfigError, stream
from gendyn.core.rules import ascending, begins_with, distinct, each, integer, number, positive
from gendyn.sweep import Leaf, Measured, Simulation, redraw_simulation
from gendyn.train import record_steps
from gendyn.types import Array, Config

PROBLEMS = ("wide", "narrow")
"""The logistic problems, in the order of the records."""
METHODS = ("gradient descent", "momentum", "Adam")
"""On the logistic problems, in the order of the records."""
_SCALES = each(number(0), begins_with(0, "each is compared with it"), distinct, least=2)
_DIMENSIONS = each(integer(1), ascending("the last is compared with the first"), least=2)
LEAVES = {
    "num_examples": Leaf(20, rule=integer(1), meaning="n of the squared loss"),
    "num_features": Leaf(60, rule=integer(1), meaning="p of the squared loss"),
    "noise": Leaf(0.5, rule=number(0), meaning="standard deviation of its labels' noise"),
    "learning_rate": Leaf(0.01, rule=positive(), meaning="of gradient descent and momentum on it"),
    "momentum": Leaf(0.9, rule=number(0, 1, open_high=True), meaning="of every problem"),
    "initial_scales": Leaf((0.0, 0.25, 0.5, 0.75, 1.0), rule=_SCALES, meaning="starts of gradient descent"),
    "adam_learning_rates": Leaf((0.1, 0.01, 0.001), rule=each(positive()), meaning="on the squared loss"),
    "sgd_learning_rate": Leaf(0.01, rule=positive(), meaning="of stochastic descent, one example a step, on it"),
    "weight_decay": Leaf(0.02, rule=positive(), meaning="of gradient descent from the last start: the control"),
    "num_steps": Leaf(10_000, rule=integer(1), meaning="on the squared loss"),
    "logistic_steps": Leaf(60_000, rule=integer(8), meaning="on both logistic losses"),
    "num_records": Leaf(48, rule=integer(8), meaning="of a path, at most: evenly in the logarithm of the step"),
    "wide.num_examples": Leaf(8, rule=integer(1), meaning="n"),
    "wide.num_features": Leaf(200, rule=integer(1), meaning="p"),
    "wide.margin": Leaf(0.0, rule=number(0), meaning="added to that of the teacher"),
    "wide.learning_rate": Leaf(1.0, rule=positive(), meaning="of gradient descent and momentum"),
    "wide.adam_learning_rate": Leaf(5e-4, rule=positive(), meaning="of Adam"),
    "narrow.num_examples": Leaf(30, rule=integer(1), meaning="n"),
    "narrow.num_features": Leaf(4, rule=integer(1), meaning="p"),
    "narrow.margin": Leaf(0.2, rule=number(0), meaning="added to that of the teacher"),
    "narrow.learning_rate": Leaf(0.5, rule=positive(), meaning="of gradient descent and momentum"),
    "narrow.adam_learning_rate": Leaf(5e-4, rule=positive(), meaning="of Adam"),
    "relu.num_examples": Leaf(20, rule=integer(2), meaning="n of the networks, random labels"),
    "relu.num_features": Leaf(5, rule=integer(1), meaning="d"),
    "relu.width": Leaf(20, rule=integer(1), meaning="hidden units"),
    "relu.learning_rate": Leaf(3.0, rule=positive(), meaning="over the loss (logistic) and 1 + |theta|^2"),
    "relu.num_steps": Leaf(6000, rule=integer(8), meaning="of full-batch descent"),
    "mixture.num_examples": Leaf(50, rule=integer(2), meaning="n of the two classes with flipped labels"),
    "mixture.num_features": Leaf((60, 250, 1000), rule=_DIMENSIONS, meaning="p"),
    "mixture.signal": Leaf(6.0, rule=positive(), meaning="distance of either class from the origin"),
    "mixture.num_flipped": Leaf(5, rule=integer(1), meaning="labels flipped"),
    "runs_at_once": Leaf(64, "execution", integer(1), "runs of a chunk"),
    "seed": Leaf(0, "axis", integer(0), "a redraw of all three problems"),
}


def check(config: Config) -> None:
    """More features than examples, where the claims are about one of many solutions or about support vectors."""
    n, p, wide = config.num_examples, config.num_features, config.wide
    if p < n + 2:
        raise ConfigError(
            f"config.num_features = {p} must exceed num_examples = {n} by at least 2: the claims are about which of "
            "many solutions is found."
        )
    if config.mixture.num_features[0] <= config.mixture.num_examples:
        raise ConfigError(
            f"config.mixture.num_features = {config.mixture.num_features} must all exceed mixture.num_examples = "
            f"{config.mixture.num_examples}: any labels must be separable."
        )
    if wide.num_features < wide.num_examples:
        raise ConfigError(
            f"config.wide.num_features = {wide.num_features} must be at least wide.num_examples = "
            f"{wide.num_examples}: its closed form is that of examples which all are support vectors. Raise it."
        )


def program(config: Config) -> Simulation:
    """Of the squared loss ``distance [methods, records]`` and what belongs to it; of the logistic losses ``angle
    [problems, methods, records]`` and what belongs to it.
    """
    squared = jax.jit(jax.vmap(functools.partial(descend_squared, config)))
    separable = [jax.jit(jax.vmap(functools.partial(descend_logistic, config, name))) for name in PROBLEMS]

    def redraw(seeds: Array) -> dict[str, Any]:
        data, found = squared(seeds)
        flows = [_flow_records(config, *row) for row in zip(*map(np.asarray, data), strict=True)]
        paths = [descend(seeds) for descend in separable]
        margins = [
            [_margin_records(config, name, *row) for row in zip(*map(np.asarray, path), strict=True)]
            for name, path in zip(PROBLEMS, paths, strict=True)
        ]
        of_problems = [_stacked(rows) for rows in zip(*margins, strict=True)]
        margins_of_networks = {f"relu_{name}": rows for name, rows in networks(seeds)._asdict().items()}
        errors = {"mixture_error": _mixture_errors(config, [np_mixture(seeds) for np_mixture in mixtures])}
        return found | _stacked(flows) | _stacked(of_problems) | margins_of_networks | errors

    relu = {name: value for name, value in config.relu.items() if name != "num_steps"}
    shape = {"steps": network_steps(config), **relu}
    networks = _batched(lambda key: regression.relu_margins(key, **shape), "relu")
    about = {name: config.mixture[name] for name in ("num_examples", "signal", "num_flipped")}
    mixtures = [
        _batched(lambda key, p=p: regression.mixture_sample(key, num_features=p, **about), f"mixture {p}")
        for p in config.mixture.num_features
    ]
    starts, records, late = len(config.initial_scales), *map(len, steps_of(config))
    methods = starts + len(config.adam_learning_rates) + 4
    curves, asymptotes = (len(PROBLEMS), len(METHODS), late), (len(PROBLEMS), late)
    measured = {
        "distance": Measured("distance to the least-norm solution / its norm", (methods, records)),
        "final_distance": Measured("distance to the least-norm solution at the end", (methods,), "float64"),
        "residual": Measured("training error at the end / norm of the labels", (methods,)),
        "fit": Measured("training error / norm of the labels", (methods, records)),
        "norm": Measured("norm of the weights", (methods, records)),
        "start_outside": Measured("part of the start outside the row space", (starts,), "float64"),
        "flow_distance": Measured("distance of gradient flow to the least-norm solution / its norm", (records,)),
        "flow_gap": Measured("largest distance of descent from gradient flow / norm of the solution"),
        "flow_risk": Measured("risk of gradient flow, mean over label noise", (records,)),
        "descent_risk": Measured("risk of gradient descent", (records,)),
        "ridge_risk": Measured("risk of ridge at 1 / t", (records,)),
        "angle": Measured("angle to the direction of largest margin (radians)", curves),
        "late_angle": Measured("its closed form for gradient descent (radians)", asymptotes),
        "margin_share": Measured("margin / largest margin, Euclidean norm", curves),
        "late_margin_share": Measured("its closed form for gradient descent", asymptotes),
        "sup_margin_share": Measured("margin / largest margin, largest coordinate", curves),
        "complete": Measured("support vectors span all examples", (len(PROBLEMS),)),
        "relu_margin": Measured("normalised margin of a network, by loss", (2, len(network_steps(config)))),
        "relu_loss": Measured("its summed loss", (2, len(network_steps(config))), "float64"),
        "mixture_error": Measured("error of the largest margin, true labels", (len(config.mixture.num_features),)),
    }
    return redraw_simulation(config, measured, redraw)


def steps_of(config: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Recorded ones of the squared and of the logistic losses, from 1 to the last, evenly in the logarithm if whole."""
    last = config["num_steps"], config["logistic_steps"]
    squared, logistic = (record_steps("log", num_steps=end, num_records=config["num_records"] + 1) for end in last)
    return np.array(squared[1:]), np.array(logistic[1:])


def network_steps(config: Mapping[str, Any]) -> np.ndarray:
    """Recorded ones of the networks, likewise."""
    last, records = config["relu"]["num_steps"], config["num_records"] + 1
    return np.array(record_steps("log", num_steps=last, num_records=records)[1:])


def descend_squared(config: Config, seed: Array) -> tuple[tuple[Array, ...], dict[str, Array]]:
    """A redraw of ``|y - X w|^2 / (2 n)``: methods are gradient descent from every scale, momentum, Adam at every rate,
    gradient descent with weight decay from the last scale, and stochastic descent from 0 and from there.

    First come ``X``, ``y``, the teacher, the least-norm solution and the path of gradient descent from 0.
    """
    n, p, rate, steps = config.num_examples, config.num_features, config.learning_rate, steps_of(config)[0]
    key = stream(jax.random.key(seed), "regression")
    x = jax.random.normal(stream(key, "x"), (n, p), jnp.float64)
    teacher, direction = jax.random.normal(stream(key, "weights"), (2, p), jnp.float64) / math.sqrt(p)
    y = x @ teacher + config.noise * jax.random.normal(stream(key, "noise"), (n,), jnp.float64)
    scaled, adam_rates = direction[:, None] * jnp.array(config.initial_scales), jnp.array(config.adam_learning_rates)
    # A constant rate would leave Adam in a cycle as wide as a step.
    adam = optax.adam(optax.cosine_decay_schedule(adam_rates, int(steps[-1])))
    weights = regression.parallel_descents(
        lambda w: x.T @ (x @ w - y[:, None]) / n,
        (scaled, jnp.zeros((p, 1)), jnp.zeros((p, len(adam_rates))), scaled[:, -1:]),
        (
            optax.sgd(rate),
            optax.sgd(rate, config.momentum),
            adam,
            optax.chain(optax.add_decayed_weights(config.weight_decay), optax.sgd(rate)),
        ),
        steps,
    )
    drawn = stream(key, "examples drawn")
    stochastic = regression.stochastic_descent(
        drawn, x, y, scaled[:, np.array([0, -1])], steps, learning_rate=config.sgd_learning_rate
    )
    weights = jnp.concatenate([weights, stochastic], axis=2)
    shortest = regression.least_squares(x, y).coefficients
    distances = jnp.linalg.norm(weights - shortest[:, None], axis=1)
    end = regression.minimum_norm_gap(x, jnp.tile(y[:, None], weights.shape[2]), weights[-1])
    begin = regression.minimum_norm_gap(x, jnp.tile(y[:, None], scaled.shape[1]), scaled)
    ridges = regression.ridge(x, y, n / jnp.asarray(rate * steps)).coefficients
    path = weights[:, :, 0]
    return (x, y, teacher, shortest, path), {
        "distance": distances.T / jnp.linalg.norm(shortest),
        "final_distance": jnp.linalg.norm(weights[-1] - shortest[:, None], axis=0),
        "residual": end.residual / jnp.linalg.norm(y),
        "fit": (jnp.linalg.norm(y[:, None] - x @ weights, axis=1) / jnp.linalg.norm(y)).T,
        "norm": jnp.linalg.norm(weights, axis=1).T,
        "start_outside": begin.outside_row_space,
        "descent_risk": jnp.sum((path - teacher) ** 2, axis=1),
        "ridge_risk": jnp.sum((ridges - teacher) ** 2, axis=1),
    }


def descend_logistic(config: Config, problem: str, seed: Array) -> tuple[Array, Array]:
    """A redraw of the summed logistic loss: examples times labels ``[n, p]``, and weights ``[records, p, METHODS]``."""
    about, key = config[problem], stream(jax.random.key(seed), problem)
    shape = {name: about[name] for name in ("num_examples", "num_features", "margin")}
    rates = {name: about[name] for name in ("learning_rate", "adam_learning_rate")}
    signed = regression.separable_sample(key, **shape)
    return signed, regression.separable_descents(signed, steps_of(config)[1], momentum=config.momentum, **rates)


def _flow_records(
    config: Config, x: np.ndarray, y: np.ndarray, teacher: np.ndarray, shortest: np.ndarray, path: np.ndarray
) -> dict[str, np.ndarray]:
    """Closed forms of the squared loss beside one redraw."""
    times, length = config.learning_rate * steps_of(config)[0], np.linalg.norm(shortest)
    (values, vectors), flow = theory.design_modes(x), theory.gradient_flow_path(times, x, y)
    noisy: Any = {"num_examples": len(x), "noise_variance": config.noise**2}
    risk = theory.gradient_flow_risk(times, values, (vectors.T @ teacher) ** 2, **noisy)
    distance, gap = (np.linalg.norm(flow - other, axis=1) / length for other in (shortest, path))
    return {"flow_risk": risk, "flow_distance": distance, "flow_gap": np.max(gap)}


def _margin_records(config: Config, problem: str, signed: np.ndarray, path: np.ndarray) -> dict[str, np.ndarray]:
    """Directions and margins of one redraw of a logistic problem, and their closed forms."""
    best = regression.max_margin(signed, np.ones(len(signed)))
    late = theory.max_margin_path(config[problem].learning_rate * steps_of(config)[1], signed, best.dual)
    weights = np.stack([*np.moveaxis(path, -1, 0), late.coefficients])
    all_four = regression.relative_margins(signed, weights, best=best)._asdict()
    closed = {f"late_{name}": all_four[name][-1] for name in ("angle", "margin_share")}
    return {name: values[:-1] for name, values in all_four.items()} | closed | {"complete": np.array(late.complete)}


def _batched(function: Callable[..., Any], name: str) -> Callable[[Array], Any]:
    """A function of a key, over the seeds of a chunk."""
    return jax.jit(jax.vmap(lambda seed: function(stream(jax.random.key(seed), name))))


def _mixture_errors(config: Config, samples: Sequence[regression.MixtureSample]) -> np.ndarray:
    """Of each redraw and number of features, ``[S, P]``."""
    signal = config.mixture.signal
    rows = [zip(*map(np.asarray, sample), strict=True) for sample in samples]
    errors = [[regression.mixture_error(regression.MixtureSample(*row), signal)[0] for row in each] for each in rows]
    return np.array(errors).T


def _stacked(rows: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
