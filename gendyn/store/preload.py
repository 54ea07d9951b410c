"""The slow imports of the store, made early."""

import importlib

SLOW = ("gendyn.store.arrays", "gendyn.store.checkpoint", "xarray")


def preload() -> None:
    """Imports what the first commit and the final dataset need: one to two seconds.

    A sweep calls this in a thread, so that they pass while XLA compiles (which holds no interpreter lock).
    """
    for name in SLOW:
        importlib.import_module(name)
