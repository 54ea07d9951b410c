"""The variants of an experiment's config: as reported, a smoke test, the published size."""

from collections.abc import Callable, Mapping

import ml_collections

from gendyn.core import check_choice


def choose_variant(
    experiment: str, variants: Mapping[str, Callable[[], ml_collections.ConfigDict]], variant: str
) -> ml_collections.ConfigDict:
    """The named variant's config, unlocked, with ``experiment`` set; ``""`` is the first of ``variants``.

    Raises:
        ConfigError: an unknown variant.

    >>> def digits():
    ...     return ml_collections.ConfigDict({"width": 64})
    >>> config = choose_variant("example", {"digits": digits}, "")
    >>> config.experiment, config.width
    ('example', 64)
    """
    name = variant or next(iter(variants))
    check_choice("variant", name, variants)
    config = variants[name]()
    config.experiment = experiment
    return config
