"""The contracts between rooms: what a model, a task, a probe and a finding are. No logic lives here.

Shape letters, used on every field of every room:

=====  ==========================================================
``R``  runs packed in one program (the leading axis ``run``)
``N``  examples in a task's training pool; ``n <= N`` are in use
``M``  test examples
``B``  examples in one batch
``C``  outputs of the network (classes, or regression targets)
=====  ==========================================================
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jax
import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure
    from ml_collections import ConfigDict as Config
    from xarray import Dataset as Dataset
else:
    # Names for annotations: nobody waits a second for matplotlib, pandas and xarray who does not use them.
    Axes = Config = Dataset = Figure = Any

Array = jax.Array
ArrayLike = jax.typing.ArrayLike
"""A hyperparameter of this type may be a tracer: no Python branch on it, no ``float()`` of it."""
PyTree = Any


class Variables(NamedTuple):
    """All arrays of one network."""

    params: PyTree
    """Trained by gradients."""
    statistics: PyTree
    """Updated by the forward pass (running BatchNorm moments); ``{}`` where a model has none."""


class Apply(Protocol):
    def __call__(self, variables: Variables, x: Array, *, train: bool = False) -> tuple[Array, PyTree]:
        """Maps a batch ``x [B, ...]`` to ``(outputs [B, C], statistics)``."""


class Model(NamedTuple):
    """A network as two pure functions, and optionally its per-parameter learning-rate multipliers."""

    init: Callable[[Array, Any], Variables]
    """``init(key, x [1, ...]) -> Variables``; only the shape of ``x`` counts, so that it may be abstract."""
    apply: Apply
    learning_rate_scales: Callable[[PyTree, str], PyTree] | None = None
    """``(params, family) -> pytree of scalars`` multiplying each update (muP). ``family`` is the
    optimizer's ``FAMILY``: ``"sgd"`` or ``"adam"``. ``None``: all ones."""
    takes_key: bool = False
    """``apply(variables, x, train=True, key=key)``: a typed key ``[]``, another at each step, for networks that draw at
    random in training (dropout). Evaluation has no key and draws nothing."""


class Task(NamedTuple):
    """A data set on the host, ready to train on.

    ``x_train`` is in a seeded stratified order, so that its first ``n`` rows are a stratified sample for every
    ``n``: train-set size is a prefix length and can be traced.
    """

    name: str
    x_train: np.ndarray
    """float32 ``[N, ...]``, standardised by statistics of the training split alone, or int32 tokens ``[N, L]``."""
    y_train: np.ndarray
    """int32 ``[N]`` classes, or float32 ``[N, C]`` targets of a regression."""
    x_test: np.ndarray
    """``[M, ...]``, of the same dtype."""
    y_test: np.ndarray
    """int32 ``[M]`` or float32 ``[M, C]``."""
    num_outputs: int
    """``C``: the number of classes, or of regression targets."""
    kind: str
    """``"classification"`` or ``"regression"``."""
    provenance: Mapping[str, str]
    """Source, checksum (sha256 of the arrays), split seed; strings only, stored with every result."""
    rest_is_test: bool = False
    """The pool is everything there is (all equations of a group): ``x_test`` is ``x_train`` and ``y_test`` is
    ``y_train``, and a run is tested on the rows that it never trains on."""


class ModelExample(NamedTuple):
    """What a contract test needs to try a model: returned by ``example()`` of each file in ``models/``."""

    kwargs: Mapping[str, Any]
    """Small factory arguments (without ``width`` and ``num_outputs``)."""
    input_shape: tuple[int, ...]
    """Shape of one example, without the batch axis."""
    input_dtype: str = "float32"
    """``"int32"``: the inputs are tokens."""
    num_tokens: int = 0
    """Tokens are drawn from ``0 .. num_tokens - 1``; 0: as many as the network has outputs."""


class TransformExample(NamedTuple):
    """Returned by ``example()`` of each optimizer, filter and projection in ``optim/``: gradient transformations."""

    kwargs: Mapping[str, Any]
    sweeps: Mapping[str, tuple[float, ...]]
    """At least two values for every ``ArrayLike`` argument; vmap over them must equal a Python loop."""


class LossExample(NamedTuple):
    """Returned by ``example()`` of each file in ``optim/losses/``: a loss ``(outputs, targets) -> [B]``."""

    num_outputs: int


class ProbeExample(NamedTuple):
    """Returned by ``example()`` of each file in ``probes/``."""

    kwargs: Mapping[str, Any]


class ProbeData(NamedTuple):
    """What a probe may look at beside the network: one run's view of the data, and its loss."""

    x_train: Array
    """``[N, ...]``; the run trains on the first ``num_train`` rows. Where the rest is the test set, the whole pool."""
    targets: Array
    """``[N]`` int32 labels as the run is told them (after label noise), or float32 ``[N, C]``."""
    num_train: Array
    """int32 ``[]``, may be traced: rows from here on count for nothing."""
    x_test: Array
    """``[M, ...]``."""
    y_test: Array
    """int32 ``[M]`` clean labels, or float32 ``[M, C]``."""
    loss: Callable[[Array, Array], Array]
    """``(outputs [B, C], targets [B] or [B, C]) -> [B]``: what the run minimises the mean of."""
    mask: PyTree | None = None
    """Like the parameters, of bool arrays that broadcast to the leaves: where a zero-padded parameter is real.
    ``None``: everywhere."""


class Probe(NamedTuple):
    """A measurement on a network while it trains."""

    name: str
    fn: Callable[[Array, Callable[[PyTree, Array], Array], PyTree, ProbeData], dict[str, Array]]
    """``fn(key, apply, params, data) -> {name: array}``; pure, jit- and vmap-safe; ``apply(params, x) -> [B, C]``."""


class Finding(NamedTuple):
    """A claim, the measured effect with its interval, and what follows from them."""

    claim: str
    effect: float
    low: float
    high: float
    level: float
    """Confidence level of ``[low, high]``, such as 0.95."""
    unit: str
    verdict: str
    """``"supported"``, ``"refuted"`` or ``"undecided"``: computed from the interval, never typed in."""
    detail: str
    """What the effect is, and the rule that turned the interval into the verdict."""
    role: str = "primary"
    """``"primary"``, ``"exploratory"`` or ``"check"``: see :func:`gendyn.analysis.finding`."""
    borderline: bool = False
    """A decided claim that its interval, moved by half its width towards the bound, would not decide: another machine
    may differ."""
