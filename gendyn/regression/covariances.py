"""Covariance functions as small values that add, multiply and scale; hyperparameters are dicts of logarithms.

Every function is positive semidefinite, takes inputs of any dtype, and may be traced, batched and differentiated. At a
point of NaN it is NaN. A point at infinity has no variance that is known (NaN, or infinite where it grows), and is
infinitely far from all others. Constant and white do not read the points.
"""

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_positive_int, check_range, is_concrete
from gendyn.regression._gp_arc_cosine import arc_cosine_kernel
from gendyn.regression._gp_distance import root, squared_distances
from gendyn.types import Array, ArrayLike, PyTree

Params = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, eq=False)
class Covariance:
    """A covariance function: ``covariance(params, x)`` is ``[n, n]``, ``covariance(params, x, x2)`` is ``[n, m]``.

    ``a + b`` and ``a * b`` are covariance functions, and so is ``a.scaled(variance)``. The hyperparameters of a
    composition are a dict of its parts' dicts under the parts' names, with ``_2``, ``_3`` ... where a name comes again.

    >>> covariance = rbf(0.5).scaled(2.0) + white(0.1)
    >>> covariance.initial
    {'scaled': {'log_variance': 0.6931471805599453, 'rbf': {'log_lengthscale': -0.6931471805599453}}, \
'white': {'log_variance': -2.3025850929940455}}
    >>> np.asarray(covariance(covariance.init(), jnp.array([[0.0], [0.5]]))).astype(float).round(3).tolist()
    [[2.1, 1.213], [1.213, 2.1]]
    """

    name: str
    initial: Mapping[str, Any]
    """Hyperparameters as given to the factory, Python floats or NumPy arrays."""
    matrix: Callable[[Any, Array, Array | None], Array]
    """``(params, x [n, d], x2 [m, d] or None) -> [n, m]``; ``None`` says that both are the same points."""
    diagonal: Callable[[Any, Array], Array]
    """``(params, x) -> [n]``: the variances, without the matrix."""
    identity: Hashable = dataclasses.field(default_factory=object, repr=False)
    """Covariance functions are equal, and share compiled programs, if this is: the same function of the same
    hyperparameters, whatever their initial values. By default a function is equal to itself alone."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Covariance) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def init(self) -> PyTree:
        """The initial hyperparameters as arrays of the default float dtype."""
        return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.result_type(float)), dict(self.initial))

    def __call__(self, params: Params, x: ArrayLike, x2: ArrayLike | None = None) -> Array:
        """The matrix between the points ``x [n, d]`` and ``x2 [m, d]``; without ``x2`` among the points ``x``.

        Raises:
            ConfigError: inputs that are not two matrices of equally many columns, or hyperparameters of another
                covariance function.
        """
        left = self.checked(params, x)
        if x2 is None:
            return self.matrix(params, left, None)
        right = jnp.asarray(x2)
        if right.ndim != 2 or right.shape[1] != left.shape[1]:
            raise ConfigError(
                f"x has shape {left.shape} and x2 {right.shape}; both must be [points, features] with equally many "
                "features."
            )
        return self.matrix(params, left, right.astype(left.dtype))

    def variance(self, params: Params, x: ArrayLike) -> Array:
        """The diagonal of ``covariance(params, x)``, ``[n]``, without the matrix."""
        return self.diagonal(params, self.checked(params, x))

    def checked(self, params: Params, x: ArrayLike) -> Array:
        """``x`` as a floating array, after the checks of :meth:`__call__`."""
        points = jnp.asarray(x)
        if points.ndim != 2:
            raise ConfigError(
                f"x has shape {points.shape}; it must be [points, features]. Pass x[:, None] for one feature, "
                "flatten images."
            )
        wanted: Any = jax.tree.structure(dict(self.initial))
        given: Any = jax.tree.structure(params)
        if wanted != given:
            raise ConfigError(
                f"params have the structure {given}, the covariance {self.name!r} needs {wanted}. "
                "Start from covariance.init()."
            )
        return points if jnp.issubdtype(points.dtype, jnp.floating) else points.astype(jnp.result_type(float))

    def __add__(self, other: "Covariance") -> "Covariance":
        return _composed("sum", jnp.add, self, other)

    def __mul__(self, other: "Covariance") -> "Covariance":
        return _composed("product", jnp.multiply, self, other)

    def scaled(self, variance: ArrayLike = 1.0) -> "Covariance":
        """``variance * k(x, x')``, with the hyperparameter ``log_variance``."""
        inner = self

        def matrix(params: Any, x: Array, x2: Array | None) -> Array:
            return jnp.exp(params["log_variance"]) * inner.matrix(params[inner.name], x, x2)

        def diagonal(params: Any, x: Array) -> Array:
            return jnp.exp(params["log_variance"]) * inner.diagonal(params[inner.name], x)

        initial = {"log_variance": _log("variance", variance), inner.name: inner.initial}
        return Covariance("scaled", initial, matrix, diagonal, ("scaled", inner.identity))


def rbf(lengthscale: ArrayLike = 1.0) -> Covariance:
    """``k(x, x') = exp(-|x - x'|^2 / (2 l^2))``, infinitely smooth; also called squared exponential.

    Args:
        lengthscale: ``l``, in the units of ``x``, positive; or one a feature, ``[d]``.

    Raises:
        ConfigError: a lengthscale that is not positive.

    Reference: Rasmussen & Williams (2006), eq. 4.9.
    """
    return _stationary("rbf", lengthscale, lambda squared: jnp.exp(-0.5 * squared))


def matern12(lengthscale: ArrayLike = 1.0) -> Covariance:
    """``k(x, x') = exp(-r)``, ``r = |x - x'| / l``: continuous paths without a slope. Arguments as for :func:`rbf`.

    Reference: Rasmussen & Williams (2006), eq. 4.18.
    """
    return _stationary("matern12", lengthscale, lambda squared: jnp.exp(-root(squared)))


def matern32(lengthscale: ArrayLike = 1.0) -> Covariance:
    """``k(x, x') = (1 + sqrt(3) r) exp(-sqrt(3) r)``, ``r = |x - x'| / l``. Arguments as for :func:`rbf`.

    Reference: Rasmussen & Williams (2006), eq. 4.17.
    """

    def shape(squared: Array) -> Array:
        scaled = root(3.0 * squared)
        return (1.0 + scaled) * jnp.exp(-scaled)

    return _stationary("matern32", lengthscale, shape)


def matern52(lengthscale: ArrayLike = 1.0) -> Covariance:
    """``k(x, x') = (1 + sqrt(5) r + 5 r^2 / 3) exp(-sqrt(5) r)``, ``r = |x - x'| / l``. Arguments as for :func:`rbf`.

    Reference: Rasmussen & Williams (2006), eq. 4.17.
    """

    def shape(squared: Array) -> Array:
        scaled = root(5.0 * squared)
        return (1.0 + scaled + 5.0 / 3.0 * squared) * jnp.exp(-scaled)

    return _stationary("matern52", lengthscale, shape)


def linear(variance: ArrayLike = 1.0) -> Covariance:
    """``k(x, x') = variance * x . x'``: linear models with weights of that variance."""

    def diagonal(params: Any, x: Array) -> Array:
        return jnp.exp(params["log_variance"]) * jnp.sum(x**2, axis=1)

    return Covariance(
        "linear",
        {"log_variance": _log("variance", variance)},
        lambda params, x, x2: jnp.exp(params["log_variance"]) * (x @ (x if x2 is None else x2).T),
        diagonal,
        "linear",
    )


def constant(variance: ArrayLike = 1.0) -> Covariance:
    """``k(x, x') = variance``: a common offset of that variance."""

    def matrix(params: Any, x: Array, x2: Array | None) -> Array:
        size = x.shape[0] if x2 is None else x2.shape[0]
        return jnp.exp(params["log_variance"]) * jnp.ones((x.shape[0], size), x.dtype)

    return Covariance(
        "constant",
        {"log_variance": _log("variance", variance)},
        matrix,
        lambda params, x: jnp.exp(params["log_variance"]) * jnp.ones(x.shape[0], x.dtype),
        "constant",
    )


def white(variance: ArrayLike = 1.0) -> Covariance:
    """``k = variance * [same point of the same list]``: independent noise, none between two lists of points."""

    def matrix(params: Any, x: Array, x2: Array | None) -> Array:
        if x2 is not None:
            return jnp.zeros((x.shape[0], x2.shape[0]), x.dtype)
        return jnp.exp(params["log_variance"]) * jnp.eye(x.shape[0], dtype=x.dtype)

    return Covariance(
        "white",
        {"log_variance": _log("variance", variance)},
        matrix,
        lambda params, x: jnp.exp(params["log_variance"]) * jnp.ones(x.shape[0], x.dtype),
        "white",
    )


def arc_cosine(order: int = 1, depth: int = 1, *, bias_variance: ArrayLike | None = None) -> Covariance:
    """Covariance of the outputs of an untrained infinitely wide network: ReLU units (order 1) or steps (order 0).

    With ``S_0 = x . x' / d + b``: order 1 ``S_l = |S_(l-1)| kappa_1(u) + b`` and order 0 ``S_l = kappa_0(u) + b``,
    where ``|S| = sqrt(S(x, x) S(x', x'))`` and ``u = S(x, x') / |S|``: weights of variance ``2 / fan-in`` in hidden
    layers, ``1 / d`` in the first. At depth 1, order 1 and ``b = 0`` it is :func:`gendyn.theory.relu_nngp`.

    Args:
        order: 0 or 1.
        depth: hidden layers.
        bias_variance: ``b``, positive, with the hyperparameter ``log_bias_variance``; ``None``: no biases and no
            hyperparameters at all.

    Raises:
        ConfigError: an order other than 0 and 1, a depth below 1, or a variance that is not positive.

    Reference: Cho & Saul (2009), eq. 3 to 6 and 11; Lee et al. (2018), arXiv:1711.00165.
    """
    if isinstance(order, bool) or order not in (0, 1):
        raise ConfigError(f"order = {order!r} must be 0 (steps) or 1 (ReLU).")
    return _network(f"arc_cosine_{order}", depth, bias_variance, order=order, tangent=False)


def relu_tangent(depth: int = 1, *, bias_variance: ArrayLike | None = None) -> Covariance:
    """Neural tangent kernel of an infinitely wide ReLU network with all layers trained.

    ``T_0 = S_0`` and ``T_l = S_l + T_(l-1) kappa_0(u_(l-1))``, with ``S`` of :func:`arc_cosine`, order 1. At depth 1
    without biases it is :func:`gendyn.theory.relu_ntk`. Arguments and errors as for :func:`arc_cosine`.

    Reference: Jacot, Gabriel & Hongler (2018), arXiv:1806.07572, theorem 1.
    """
    return _network("relu_tangent", depth, bias_variance, order=1, tangent=True)


def _network(name: str, depth: int, bias_variance: ArrayLike | None, *, order: int, tangent: bool) -> Covariance:
    check_positive_int("depth", depth)
    initial = {} if bias_variance is None else {"log_bias_variance": _log("bias_variance", bias_variance)}

    def bias(params: Any) -> Array | float:
        return 0.0 if bias_variance is None else jnp.exp(params["log_bias_variance"])

    def matrix(params: Any, x: Array, x2: Array | None) -> Array:
        return arc_cosine_kernel(x, x2, bias(params), order=order, depth=depth, tangent=tangent)

    def diagonal(params: Any, x: Array) -> Array:
        # Each point with itself: n kernels of one point.
        return jax.vmap(lambda point: matrix(params, point[None], None)[0, 0])(x)

    return Covariance(name, initial, matrix, diagonal, (name, order, depth, tangent, bias_variance is None))


def _stationary(name: str, lengthscale: ArrayLike, shape: Callable[[Array], Array]) -> Covariance:
    def matrix(params: Any, x: Array, x2: Array | None) -> Array:
        log_scale = jnp.asarray(params["log_lengthscale"])
        if log_scale.ndim == 0:
            # One number after the distances: their gradient is not asked for.
            return shape(squared_distances(x, x2) * jnp.exp(-2.0 * log_scale).astype(x.dtype))
        inverse = jnp.exp(-log_scale).astype(x.dtype)
        return shape(squared_distances(x * inverse, None if x2 is None else x2 * inverse))

    return Covariance(
        name,
        {"log_lengthscale": _log("lengthscale", lengthscale)},
        matrix,
        lambda params, x: jnp.where(jnp.isfinite(x).all(axis=1), 1.0, jnp.nan).astype(x.dtype),
        name,
    )


def _log(name: str, value: ArrayLike) -> Any:
    check_range(name, value, low=0, open_low=True)
    if not is_concrete(value):
        return jnp.log(value)
    logs = np.log(np.asarray(value, np.float64))
    return float(logs) if logs.ndim == 0 else logs


def _composed(name: str, operation: Callable[[Array, Array], Array], left: Covariance, right: Covariance) -> Covariance:
    if not isinstance(right, Covariance):
        raise ConfigError(f"{right!r} is no covariance function. Use covariance.scaled(number), or constant(number).")
    keys: list[str] = []
    for part in (left, right):
        known = sum(key.rpartition("_")[0] == part.name or key == part.name for key in keys)
        keys.append(f"{part.name}_{known + 1}" if known else part.name)

    def matrix(params: Any, x: Array, x2: Array | None) -> Array:
        return operation(left.matrix(params[keys[0]], x, x2), right.matrix(params[keys[1]], x, x2))

    def diagonal(params: Any, x: Array) -> Array:
        return operation(left.diagonal(params[keys[0]], x), right.diagonal(params[keys[1]], x))

    initial = {keys[0]: left.initial, keys[1]: right.initial}
    return Covariance(name, initial, matrix, diagonal, (name, left.identity, right.identity))
