"""One run as values for :mod:`gendyn.train`: its network, optimizer, stop rule and probes, from traced leaves."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn import optim, train
from gendyn.core import is_concrete, lookup
from gendyn.sweep.config.factories import build
from gendyn.sweep.config.probes import make_probes
from gendyn.sweep.config.transforms import (
    FAMILIES,
    decoupled_decay,
    family,
    says_how_it_scales,
    takes_schedule,
)
from gendyn.sweep.plan.masks import parameter_mask
from gendyn.sweep.plan.program import Program, model_at
from gendyn.types import Array, Model, PyTree


def run_at(program: Program, hypers: Mapping[str, Any]) -> train.Run:
    """The run as values for :mod:`gendyn.train`; ``hypers`` may be tracers."""
    static = dict(program.static)
    values = static | dict(hypers)
    optim_leaves = {n: values[n] for n in values if n.startswith("optim.")}
    name = static["optim.name"]
    if takes_schedule(name):
        optim_leaves["optim.learning_rate"] = optim.schedule(
            static["schedule.name"],
            values["optim.learning_rate"],
            num_steps=hypers["train.num_steps"],
            warmup_steps=hypers["schedule.warmup_steps"],
        )
    model = model_at(program, hypers, padded=True)
    optimizer = build("optim", optim_leaves)
    if model.learning_rate_scales is not None and (says_how_it_scales(name) or not _all_ones(program, model)):
        scales, kind = model.learning_rate_scales, family(name)
        optimizer = optim.scale_updates(
            optimizer, lambda params: scales(params, kind), decoupled_decay=decoupled_decay(name)
        )
    stop = None
    if program.stop:
        names = ("step", "epoch", "train_loss", "train_error")
        stop = train.Stop(**{name: hypers[f"stop.{name}"] for name in names})
    return train.Run(
        model=model,
        optimizer=_chained(program, values, optimizer),
        loss=lookup("optim", static["loss"]),
        batch_size=static["train.batch_size"],
        augment=train.crop_and_flip if static["train.augment"] else None,
        ema_decay=hypers["train.ema_decay"] if program.ema else None,
        penalty=_penalty(hypers["train.jacobian_penalty"]) if program.penalised else None,
        unseen_rows=program.unseen_rows,
        draws=program.draws,
        rest_is_test=program.rest_is_test,
        stop=stop,
        probes=make_probes(static["probes"]),
        mask=_mask(program, hypers) if static["probes"] else None,
        evaluation_batch_size=static["train.evaluation_batch_size"],
    )


def _penalty(weight: Array) -> Callable[..., Array]:
    def penalty(key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, x: Array) -> Array:
        return weight * optim.jacobian_norm(apply, params, x, key=key)

    return penalty


def _all_ones(program: Program, model: Model) -> bool:
    """Whether the learning rates per parameter are 1 for every family of optimizers: standard parametrisation."""
    assert model.learning_rate_scales is not None
    x = program.inputs(1)
    params = jax.eval_shape(lambda: model.init(jax.random.key(0), x)).params
    with jax.ensure_compile_time_eval():
        scales = [leaf for kind in FAMILIES for leaf in jax.tree.leaves(model.learning_rate_scales(params, kind))]
        return all(is_concrete(scale) and np.all(np.asarray(scale) == 1) for scale in scales)


def _chained(
    program: Program, values: Mapping[str, Any], optimizer: optax.GradientTransformation
) -> optax.GradientTransformation:
    """Filter, optimizer, projection: what is ``identity`` leaves no trace in the state."""
    parts = [optimizer]
    if values["filter.name"] != "identity":
        made = build("filter", values)
        if program.gated:
            start, stop = (values[f"gate.{name}"] for name in ("start_train_loss", "stop_train_loss"))
            made = optim.gate(
                made,
                start_step=values["gate.start_step"],
                stop_step=values["gate.stop_step"],
                start_train_loss=jnp.where(start >= 0, start, jnp.inf),
                stop_train_loss=jnp.where(stop >= 0, stop, -jnp.inf),
            )
        parts.insert(0, made)
    if values["projection.name"] != "identity":
        parts.append(build("projection", values))
    return parts[0] if len(parts) == 1 else optax.chain(*parts)


def _mask(program: Program, hypers: Mapping[str, Any]) -> PyTree:
    sizes = {name: size for name, size in program.sizes if name.startswith("model.")}
    if not sizes:
        return None
    x = program.inputs(1)

    def shapes_at(sizes: Mapping[str, int]) -> PyTree:
        model = model_at(program, {**hypers, **sizes}, padded=False)
        return jax.eval_shape(lambda: model.init(jax.random.key(0), x)).params

    return parameter_mask(shapes_at, sizes, hypers)
