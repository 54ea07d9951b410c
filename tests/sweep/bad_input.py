"""What tests of bad input share: a config that may be wrong, and a watch over the compiler."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import jax

import gendyn.sweep
from gendyn.sweep.config import flatten, nest


def make_config(leaves: Mapping[str, Any] = {}, **factories: str) -> dict[str, Any]:
    """Two layers on 1,000 generated vectors for 4 steps, with ``leaves`` set, wrong ones too."""
    chosen = {"task": "teacher_student", "model": "mlp", "optim": "sgd"} | factories
    return nest(flatten(gendyn.sweep.base_config(**chosen)) | {"train.num_steps": 4} | dict(leaves))


def compile_once() -> None:
    """What a process computes once is computed, and no operation is served from another file's tests afterwards."""
    assert len(gendyn.sweep.plan(make_config()).runs) == 1
    jax.clear_caches()


@contextlib.contextmanager
def watched() -> Iterator[list[str]]:
    """The programs compiled meanwhile, of single operations too."""
    found: list[str] = []

    def listen(event: str, _: float, **details: Any) -> None:
        if event.endswith("backend_compile_duration"):
            found.append(str(details))

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield found
    jax.monitoring.unregister_event_duration_listener(listen)
