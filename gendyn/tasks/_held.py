"""Tasks that were given as objects, named by the checksum of their data: so a config and a folder stay plain data.

No later process can make such a task again from its name. It is found once the same data are given once more.
"""

from collections.abc import Callable

from gendyn.core import ConfigError, digest
from gendyn.tasks._build import sha256
from gendyn.tasks._check_task import check_task
from gendyn.types import Task

_PREFIX = "arrays_"
_HELD: dict[str, Task] = {}


def hold(task: Task) -> str:
    """Keeps a task for this process, and returns the name, ``module:object``, by which a config finds it.

    Equal data have equal names, in any process: a folder goes on where the same data are given again.

    Raises:
        ConfigError: see :func:`gendyn.tasks.check_task`.

    >>> from gendyn.tasks import digits
    >>> hold(digits(num_test=297)) == hold(digits(num_test=297)) != hold(digits(num_test=298))
    True
    """
    name = _name_of(check_task(task))
    _HELD[name] = task
    return f"{__name__}:{name}"


def held() -> list[str]:
    """The names of the tasks that this process holds."""
    return [f"{__name__}:{name}" for name in _HELD]


def _name_of(task: Task) -> str:
    arrays = sha256(task.x_train, task.y_train, task.x_test, task.y_test)
    return _PREFIX + digest([arrays, task.kind, int(task.num_outputs), bool(task.rest_is_test)])[:16]


def __getattr__(name: str) -> Callable[[], Task]:
    """The factory of a held task, as :func:`gendyn.core.lookup` asks for it."""
    if not name.startswith(_PREFIX):
        raise AttributeError(name)
    if name not in _HELD:
        raise ConfigError(
            f"task {name!r} was given as a Task object, and this process has no task of that checksum: make it again "
            "from the same data and give it to base_config(task=...) first."
        )

    def held_task() -> Task:
        task = _HELD[name]
        if _name_of(task) != name:
            raise ConfigError(f"the arrays of task {task.name!r} were changed after it was given: give it again.")
        return task

    return held_task
