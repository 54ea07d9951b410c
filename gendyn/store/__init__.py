"""Results on disk: labelled records and checkpoints that survive kills, and where they come from."""

from gendyn.store.about import Variable as Variable
from gendyn.store.carve import carve as carve
from gendyn.store.carve import remove_chunk as remove_chunk
from gendyn.store.chunk import ChunkStore as ChunkStore
from gendyn.store.chunk import Restored as Restored
from gendyn.store.committer import Committer as Committer
from gendyn.store.dataset import final_state as final_state
from gendyn.store.dataset import open as open
from gendyn.store.export import check_table_path as check_table_path
from gendyn.store.export import export as export
from gendyn.store.files import disk_fault as disk_fault
from gendyn.store.files import read_json as read_json
from gendyn.store.files import write_json as write_json
from gendyn.store.merge import merge as merge
from gendyn.store.plan_rules import holds as holds
from gendyn.store.preload import preload as preload
from gendyn.store.provenance import collect as collect
from gendyn.store.provenance import hardware as hardware
from gendyn.store.tensorboard import export_tensorboard as export_tensorboard
from gendyn.store.workdir import born as born
from gendyn.store.workdir import chunk_folder as chunk_folder
from gendyn.store.workdir import lock as lock
from gendyn.store.workdir import open_workdir as open_workdir
from gendyn.store.workdir import read_plan as read_plan
from gendyn.store.workdir import set_attributes as set_attributes
from gendyn.store.workdir import write_plan as write_plan
