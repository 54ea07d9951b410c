"""Compares two results folders of one experiment: arrays bit for bit, then the findings of both.

    python scripts/compare.py --workdir=runs/before --other=runs/after

Runs are matched by their place on the axes. Exit status: 0 equal, 1 something differs (a line each), 2 bad input.
"""

import sys

import numpy as np
from absl import app, flags

from gendyn import store
from gendyn.analysis import config_of, swept_axes
from gendyn.core import ConfigError, StoreError
from gendyn.experiments import experiments, find
from gendyn.types import Dataset, Finding

_WORKDIR = flags.DEFINE_string("workdir", "", "A results folder.")
_OTHER = flags.DEFINE_string("other", "", "Another, of the same experiment and the same axes.")


def differences(one: Dataset, other: Dataset) -> list[str]:
    """A line for each variable, or for each finding, that is not the same in both.

    Raises:
        ConfigError: the folders hold other experiments, or other runs.
    """
    names = [config_of(ds).get("experiment", "") for ds in (one, other)]
    if names[0] != names[1]:
        raise ConfigError(f"--workdir holds the experiment {names[0]!r}, --other {names[1]!r}: compare two of one.")
    axes = list(dict.fromkeys([*swept_axes(one), *swept_axes(other)]))
    one, other = (ds.isel(run=np.lexsort([ds[axis].values.astype(str) for axis in axes])) for ds in (one, other))
    if one.sizes["run"] != other.sizes["run"] or not all(np.array_equal(one[a], other[a]) for a in axes):
        raise ConfigError(
            f"the folders hold other runs on the axes {', '.join(axes)}; compare runs of the same places."
        )
    found = [f"{name}: only in one" for name in sorted(set(one.data_vars) ^ set(other.data_vars), key=str)]
    for name in sorted(set(one.data_vars) & set(other.data_vars), key=str):
        a, b = one[name].values, other[name].values
        if a.shape != b.shape:
            found.append(f"{name}: shapes {a.shape} and {b.shape}")
        elif not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            gap = np.nanmax(np.abs(a.astype(float) - b.astype(float)))
            found.append(f"{name}: {np.sum(a != b):,} of {a.size:,} values differ, by up to {gap:.3g}")
    if names[0] in experiments():
        pairs = zip(find(names[0]).verdict(one), find(names[0]).verdict(other), strict=True)
        found += [f"{a.claim} {_brief(a)} and {_brief(b)}" for a, b in pairs if str(a[1:5]) != str(b[1:5])]
    return found


def _brief(found: Finding) -> str:
    return f"{found.verdict} {found.effect:.6g} [{found.low:.6g}, {found.high:.6g}]"


def main(_: list[str]) -> None:
    try:
        if not (_WORKDIR.value and _OTHER.value):
            raise ConfigError("--workdir and --other are two results folders; name both.")
        found = differences(store.open(_WORKDIR.value), store.open(_OTHER.value))
    except (ConfigError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print("\n".join(found) or "equal")
    sys.exit(bool(found))


if __name__ == "__main__":
    app.run(main)
