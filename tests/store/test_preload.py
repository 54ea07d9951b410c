"""The slow imports are not made by ``import gendyn.store``, and are all made by ``preload``."""

import subprocess
import sys

from gendyn.store.preload import SLOW

SCRIPT = f"""
import sys
import gendyn.store
slow = {{"orbax.checkpoint", "zarr", "xarray"}} | set({SLOW!r})
assert not slow & set(sys.modules), slow & set(sys.modules)
gendyn.store.preload()
assert slow <= set(sys.modules), slow - set(sys.modules)
"""


def test_preload_imports_what_the_room_does_not():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
