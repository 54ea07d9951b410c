"""What a run is made of."""

from collections.abc import Callable
from typing import NamedTuple

import optax

from gendyn.types import Array, ArrayLike, Model, Probe, PyTree


class Stop(NamedTuple):
    """A run is finished at the first record where one of these holds. Each may be traced."""

    step: ArrayLike = 0
    """Gradient steps; 0 is off."""
    epoch: ArrayLike = 0
    """Passes over the run's training set; 0 is off."""
    train_loss: ArrayLike = -1.0
    """Mean training loss at or below; negative is off."""
    train_error: ArrayLike = -1.0
    """Training error at or below, a fraction; negative is off."""


class Run(NamedTuple):
    """One run as values: nothing in ``train`` looks a name up. Built inside the program, so fields may hold tracers."""

    model: Model
    optimizer: optax.GradientTransformation
    loss: Callable[[Array, Array], Array]
    """``(outputs [B, C], targets [B] or [B, C]) -> [B]``."""
    batch_size: int = 0
    """0 is full batch."""
    augment: Callable[[Array, Array], Array] | None = None
    """``(key, x [B, ...]) -> x``."""
    ema_decay: ArrayLike | None = None
    """Decay of the weight average per step; ``None`` keeps no average."""
    stop: Stop | None = None
    """``None`` compiles no stop rule."""
    probes: tuple[Probe, ...] = ()
    mask: PyTree | None = None
    """Where zero-padded parameters are real, for the probes; ``None``: everywhere."""
    evaluation_batch_size: int = 2048
    unseen_rows: bool = False
    """At full batch the data have rows beyond those that the run trains on."""
    rest_is_test: bool = False
    """Test on the rows of the pool that the run never trains on (see :class:`gendyn.types.Task`)."""
    penalty: Callable[[Array, Callable[[PyTree, Array], Array], PyTree, Array], Array] | None = None
    """``(key, apply, params, x [B, ...]) -> [B]``, added to the loss of each example in training; ``None``: nothing."""
    draws: bool | None = None
    """The network draws at random in training, and gets a key at each step; ``None``: :func:`gendyn.train.draws` is
    asked, each time that a step is traced."""
