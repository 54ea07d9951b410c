"""Results on disk: labelled records and checkpoints that survive kills, and where they come from."""

from gendyn.store.chunk import ChunkStore, Restored, Variable
from gendyn.store.committer import Committer
from gendyn.store.dataset import final_state, open
from gendyn.store.export import check_table_path, export
from gendyn.store.files import read_json, write_json
from gendyn.store.merge import merge
from gendyn.store.preload import preload
from gendyn.store.provenance import collect, hardware
from gendyn.store.workdir import born, chunk_folder, lock, open_workdir, read_plan, set_attributes, write_plan

__all__ = [
    "ChunkStore",
    "Committer",
    "Restored",
    "Variable",
    "born",
    "check_table_path",
    "chunk_folder",
    "collect",
    "export",
    "final_state",
    "hardware",
    "lock",
    "merge",
    "open",
    "open_workdir",
    "preload",
    "read_json",
    "read_plan",
    "set_attributes",
    "write_json",
    "write_plan",
]
