"""The weak-feature regression: errors, effective dimension and its complement against the number of features.

The experiment has a program of its own, not a sweep's: leaves are set by ``--config.leaf=value``, axes in this file.
"""

import ml_collections

from gendyn.sweep import Variants
from gendyn.types import Config


def default() -> Config:
    """The published sizes: 200 examples, 5, 7, ..., 399 features; penalties 0.2 (published) and 1; 3,000 redraws where the
    publication has one. Measured: test error within 1.1 % of the exact one for |d - n| >= 40, peak at d = n, 0.25 of
    its first valley at 399 features; the effective dimension rises at every d, its complement peaks at d = n and falls
    with the test error (rank correlation 1, of the effective dimension itself -1). As to tracking the test error over
    d > n, a line in its logarithm leaves 0.43 of the scatter that one in log d leaves at penalty 0.2, 0.64 at 1 (from
    1.2 n on 0.03 and 0.15): only the first is below the bound of one half.
    """
    return ml_collections.ConfigDict(
        {
            "num_examples": 200,
            "num_features": tuple(range(5, 400, 2)),
            "penalties": (0.2, 1.0),
            "runs_at_once": 100,
            "axes": (("seed", tuple(range(3000))),),
        }
    )


def smoke() -> Config:
    """Seconds: 20 examples, 3 to 39 features, 24 redraws. Its findings mean little."""
    config = default()
    config.num_examples, config.num_features, config.penalties = 20, (3, 7, 11, 15, 20, 25, 29, 33, 39), (0.02, 1.0)
    config.runs_at_once, config.axes = 24, (("seed", tuple(range(24))),)
    return config


get_config = Variants("weak_features", default, smoke)
