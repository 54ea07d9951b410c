"""From a config and axes to runs: each a complete, checked set of leaves with an identity."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax

from gendyn.core import ConfigError, check_choice, check_positive_int, check_range, lookup
from gendyn.core import names as known_names
from gendyn.optim import SCHEDULES
from gendyn.sweep import axes as axes_module
from gendyn.sweep.config import ABSENT, FACTORIES, Flat, complete, leaves_of, role
from gendyn.sweep.leaf import Leaf, unknown_leaf
from gendyn.sweep.probes import make_probes
from gendyn.tasks import LABEL_NOISE_KINDS

STRATEGIES = ("auto", "vmap", "map")
BUCKETS = ("auto", "exact", "power_of_two", "max")


LARGEST_SIZE = 2**24


class Point(NamedTuple):
    """One run of a sweep."""

    flat: Flat
    """Every leaf of the run's own config."""
    identity: str
    """Hash of all leaves that decide what is computed; equal identities are the same run."""


def canonical(value: Any) -> str:
    """JSON with sorted keys: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def digest(value: Any) -> str:
    """sha256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def make_points(flat: Flat, axes: axes_module.Axes, zip_axes: Sequence[Sequence[str]] = ()) -> list[Point]:
    """All runs of the sweep, checked. The axis ``arm`` sets all leaves of an arm of ``config.arms`` at once.

    Where an axis varies the name of a factory (``optim.name``), leaves that the new one does not have are left out if
    they are at their defaults.

    Raises:
        ConfigError: a bad axis, leaf or value; the message names it.
    """
    base = complete(flat)
    leaves = leaves_of(base)
    arms = read_arms(base["arms"])
    for name, values in axes:
        _check_axis(name, values, base, axes, arms)
    points = []
    checked: set[str] = set()
    for coords in axes_module.points(axes, zip_axes):
        chosen = arms.get(str(coords.get("arm", base["arm"])), {}) | coords
        run = complete(_switched(base, leaves, chosen) | chosen)
        run_leaves = leaves_of(run)
        _check_values(run, run_leaves, checked)
        points.append(Point(run, _identity(run, run_leaves)))
    _check_distinct(points, [name for name, _ in axes])
    return points


def _identity(run: Flat, leaves: Mapping[str, Leaf]) -> str:
    """Of what is computed. Defaults are left out, so that a new leaf does not make other runs of the old ones."""
    names = {f"{section}.name" for section in FACTORIES}  # their leaves' defaults are the names themselves
    absent = {f"{section}.name": name for section, name in ABSENT.items()}
    meaningful = {
        name: value
        for name, value in run.items()
        if leaves[name].kind not in ("execution", "label")
        and value != (absent.get(name) if name in names else leaves[name].default)
    }
    return digest(meaningful)


def _check_distinct(points: Sequence[Point], axes: Sequence[str]) -> None:
    seen: dict[str, Flat] = {}
    for point in points:
        if point.identity in seen:
            pair = [{name: flat.get(name) for name in axes} for flat in (seen[point.identity], point.flat)]
            raise ConfigError(f"the axes make one run twice, at {pair[0]} and at {pair[1]}: leave one of them out.")
        seen[point.identity] = point.flat


def _switched(base: Flat, leaves: Mapping[str, Leaf], coords: Mapping[str, Any]) -> Flat:
    """The base config without what belongs only to factories that a run does not use."""
    switched = [s for s in FACTORIES if coords.get(f"{s}.name", base[f"{s}.name"]) != base[f"{s}.name"]]
    if not switched:
        return base
    known = leaves_of(base | dict(coords))
    kept = {}
    for name, value in base.items():
        section = name.partition(".")[0]
        if name not in known and section in switched and name not in coords:
            if value != leaves[name].default:
                raise ConfigError(
                    f"config.{name} = {value!r} is a leaf of {base[f'{section}.name']!r}, and the axis "
                    f"{section}.name = {coords[f'{section}.name']!r} has none of that name; leave it at its default "
                    f"{leaves[name].default!r}, or make two sweeps."
                )
            continue
        kept[name] = value
    return kept


def read_arms(given: Any) -> dict[str, Flat]:
    """``config.arms = (("name", (("leaf", value), …)), …)`` as a dict of dicts.

    Raises:
        ConfigError: another form, or a name or leaf given twice.

    >>> read_arms((("plain", ()), ("decayed", (("optim.weight_decay", 1.0),))))
    {'plain': {}, 'decayed': {'optim.weight_decay': 1.0}}
    """
    try:
        pairs = [(name, [(leaf, value) for leaf, value in settings]) for name, settings in given]
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f'config.arms = {given!r} must be (("name", (("optim.weight_decay", 1.0), …)), …).'
        ) from error
    arms = {name: dict(settings) for name, settings in pairs}
    if len(arms) < len(pairs) or any(len(arms[name]) < len(settings) for name, settings in pairs):
        raise ConfigError(f"config.arms = {given!r} gives an arm, or a leaf of one, twice.")
    return arms


def _check_arms(names: Sequence[Any], axes: axes_module.Axes, arms: Mapping[str, Flat]) -> None:
    for name in names:
        check_choice("axis 'arm'", name, list(arms))
        for leaf in arms[name]:
            if leaf in dict(axes) or leaf in ("arm", "arms"):
                raise ConfigError(f"arm {name!r} sets {leaf!r}, which is an axis too: leave it out of one of them.")


def _check_axis(name: str, values: Sequence[Any], base: Flat, axes: axes_module.Axes, arms: Mapping[str, Flat]) -> None:
    if name == "arm":
        _check_arms(values, axes, arms)
        return
    known = dict(leaves_of(base))
    for settings in (arms[arm] for arm in dict(axes).get("arm", ()) if arm in arms):
        known |= leaves_of(base | settings)
    for varied, others in axes:
        if varied in (f"{section}.name" for section in FACTORIES):
            for other in others:
                known |= leaves_of(base | {varied: other})
    if name not in known:
        raise ConfigError(f"axis {name!r} {unknown_leaf(name, known)}")
    if known[name].kind == "execution":
        raise ConfigError(
            f"axis {name!r} says how a sweep is executed, not what; it cannot differ between runs: set config.{name}."
        )
    if name in ("probes", "train.evaluation_batch_size"):
        raise ConfigError(f"axis {name!r} must be the same for all runs of a sweep; set config.{name}.")


def _check_values(run: Flat, leaves: Mapping[str, Leaf], checked: set[str]) -> None:
    """Rules on values; each distinct section is checked once a sweep."""

    def once(prefix: str) -> bool:
        key = canonical([prefix, {n: v for n, v in run.items() if n.startswith(prefix)}])
        new = key not in checked
        checked.add(key)
        return new

    check_positive_int("config.seed", run["seed"], low=0)
    if once("data."):
        check_range("config.data.label_noise", run["data.label_noise"], low=0, high=1)
        check_choice("config.data.label_noise_kind", run["data.label_noise_kind"], LABEL_NOISE_KINDS)
        for name in ("num_train", "changed_num_train", "change_step"):
            check_positive_int(f"config.data.{name}", run[f"data.{name}"], low=0)
        for name in ("train_fraction", "changed_train_fraction"):
            check_range(f"config.data.{name}", run[f"data.{name}"], low=0, high=1)
        _check_rows(run)
    if once("train."):
        check_positive_int("config.train.num_steps", run["train.num_steps"])
        check_positive_int("config.train.batch_size", run["train.batch_size"], low=0)
        check_positive_int("config.train.evaluation_batch_size", run["train.evaluation_batch_size"])
        check_range("config.train.jacobian_penalty", run["train.jacobian_penalty"], low=0)
        check_range("config.train.ema_decay", run["train.ema_decay"], low=0, high=1, open_high=True)
    if once("record."):
        for step in run["record.steps"]:
            check_positive_int("config.record.steps: step", step, low=0)
    if once("stop."):
        check_positive_int("config.stop.step", run["stop.step"], low=0)
        check_positive_int("config.stop.epoch", run["stop.epoch"], low=0)
    if once("schedule."):
        check_choice("config.schedule.name", run["schedule.name"], SCHEDULES)
        check_positive_int("config.schedule.warmup_steps", run["schedule.warmup_steps"], low=0)
    if run["schedule.warmup_steps"] >= run["train.num_steps"]:
        raise ConfigError(
            f"config.schedule.warmup_steps = {run['schedule.warmup_steps']} must be less than config.train.num_steps = "
            f"{run['train.num_steps']}: shorten the warm-up or lengthen the run."
        )
    if once("sweep."):
        check_choice("config.sweep.strategy", run["sweep.strategy"], STRATEGIES)
        check_choice("config.sweep.buckets", run["sweep.buckets"], BUCKETS)
        check_positive_int("config.sweep.batch", run["sweep.batch"], low=0)
        check_range("config.sweep.memory_limit_gb", run["sweep.memory_limit_gb"], low=0)
    if once("store."):
        check_range("config.store.commit_seconds", run["store.commit_seconds"], low=0)
    if once("probes"):
        make_probes(run["probes"])
    if once("loss") and (":" not in run["loss"] or role(run["loss"]) != "loss"):
        check_choice("config.loss", run["loss"], [name for name in known_names("optim") if role(name) == "loss"])
    if once("model."):
        for name, leaf in leaves.items():
            if leaf.kind == "size" and run[name] > LARGEST_SIZE:
                raise ConfigError(f"config.{name} = {run[name]} must be at most {LARGEST_SIZE}: nothing could hold it.")
    if gated(run) and run["filter.name"] == "identity":
        raise ConfigError(
            "config.gate switches the gradient filter on and off, and config.filter.name = 'identity' is none: name a "
            "filter, or leave config.gate at its defaults."
        )
    if once("gate."):
        check_positive_int("config.gate.start_step", run["gate.start_step"], low=0)
        check_positive_int("config.gate.stop_step", run["gate.stop_step"], low=-1)
        _check_gate(run)
    for section in ("optim", "filter", "projection"):
        if once(f"{section}."):
            # Inside a trace, factories that compute with their arguments (muon) compile nothing.
            jax.eval_shape(lambda section=section: (build(section, run), 0)[1])


def _check_rows(run: Flat) -> None:
    """A size of the training set is a number or a fraction, and changes only where both are said."""
    for prefix in ("", "changed_"):
        number, fraction = run[f"data.{prefix}num_train"], run[f"data.{prefix}train_fraction"]
        if number and fraction:
            raise ConfigError(
                f"config.data.{prefix}num_train = {number} and config.data.{prefix}train_fraction = {fraction} both "
                "say how many examples to train on; set one of them to 0."
            )
    changed = run["data.changed_num_train"] or run["data.changed_train_fraction"]
    if bool(run["data.change_step"]) != bool(changed):
        raise ConfigError(
            f"config.data.change_step = {run['data.change_step']} needs config.data.changed_num_train or "
            "config.data.changed_train_fraction beside it, and they need it: set both, or leave all at 0."
        )


def _check_gate(run: Flat) -> None:
    """A filter that is never active would be a second baseline under another name; a stop at step 0 says so itself."""
    start, stop = run["gate.start_step"], run["gate.stop_step"]
    if 0 < stop <= start:
        raise ConfigError(
            f"config.gate.stop_step = {stop} must be greater than config.gate.start_step = {start}: the filter is "
            "never active. For no filter at all set it to 0, for no stop to -1; if only some pairs of two axes are so, "
            "name the others with zip_axes or arms."
        )
    high, low = run["gate.start_train_loss"], run["gate.stop_train_loss"]
    if 0 <= high <= low:
        raise ConfigError(
            f"config.gate.stop_train_loss = {low} must be less than config.gate.start_train_loss = {high}: the filter "
            "is never active. For no threshold set it to -1; if only some pairs of two axes are so, name the others "
            "with zip_axes or arms."
        )


def gated(flat: Flat) -> bool:
    """Whether the filter of a run is off at times."""
    steps = flat["gate.start_step"] > 0 or flat["gate.stop_step"] >= 0
    return steps or flat["gate.start_train_loss"] >= 0 or flat["gate.stop_train_loss"] >= 0


def num_train(run: Flat, available: int) -> int:
    """Rows that a run trains on from its first step; ``available`` where the config says nothing."""
    return _rows(run, "", available) or available


def changed_num_train(run: Flat, available: int) -> int:
    """Rows that a run trains on from ``data.change_step`` on; 0 where nothing changes."""
    return _rows(run, "changed_", available)


def most_rows(run: Flat, available: int) -> int:
    """Rows that a run ever trains on."""
    return max(num_train(run, available), changed_num_train(run, available))


def _rows(run: Flat, prefix: str, available: int) -> int:
    fraction = run[f"data.{prefix}train_fraction"]
    return max(1, round(fraction * available)) if fraction else int(run[f"data.{prefix}num_train"])


def build(section: str, flat: Mapping[str, Any], **extra: Any) -> Any:
    """Calls the factory of a section with its leaves: ``build("optim", flat)`` is ``adam(learning_rate=…, …)``.

    Raises:
        ConfigError: what the factory says of its arguments, in the names of the config.
    """
    factory = lookup(FACTORIES[section], flat[f"{section}.name"])
    prefix = f"{section}."
    arguments = {n.removeprefix(prefix): v for n, v in flat.items() if n.startswith(prefix) and n != f"{section}.name"}
    try:
        return factory(**(arguments | extra))
    except ConfigError as error:
        named = str(error).removeprefix(prefix)
        if named.partition(" ")[0] in arguments:
            raise ConfigError(f"config.{prefix}{named}") from error
        raise
