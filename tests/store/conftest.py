import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from gendyn.store import ChunkStore, Variable


@pytest.fixture(scope="session")
def committing() -> ModuleType:
    """The module of ``committing_process.py``, which also runs as a program."""
    spec = importlib.util.spec_from_file_location(
        "committing_process", Path(__file__).with_name("committing_process.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Small:
    """A chunk of two runs with one variable whose record ``i`` of run ``r`` is ``10 r + i``."""

    num_records = 12

    def __init__(self, folder: Path):
        self.store = ChunkStore.create(
            folder, rows=2, num_records=self.num_records, variables=[Variable("loss")], records_per_block=4
        )

    @staticmethod
    def loss(start: int, count: int) -> np.ndarray:
        return (10 * np.arange(2)[:, None] + np.arange(start, start + count)).astype(np.float32)

    @staticmethod
    def state(records: int) -> dict[str, np.ndarray]:
        return {"w": np.full((2, 3), records, np.float32)}

    def commit(self, count: int = 1) -> None:
        start = self.store.committed()
        end = start + count
        self.store.commit({"loss": self.loss(start, count)}, start, self.state(end), {"records": end})

    def check(self, records: int) -> None:
        """What is readable is exactly the first ``records`` records."""
        found = self.store.read()["loss"]
        np.testing.assert_array_equal(found[:, :records], self.loss(0, records))
        assert np.isnan(found[:, records:]).all()


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small(tmp_path / "chunk")
