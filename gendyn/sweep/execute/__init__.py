"""One chunk on the hardware: packed, laid out, trained, committed, resumed. Nothing here knows the whole sweep."""

from gendyn.sweep.execute.chunk import train_chunk as train_chunk
from gendyn.sweep.execute.devices import compilation_cache as compilation_cache
from gendyn.sweep.execute.devices import pick_devices as pick_devices
from gendyn.sweep.execute.job import Job as Job
from gendyn.sweep.execute.job import Position as Position
from gendyn.sweep.execute.job import Setup as Setup
from gendyn.sweep.execute.job import prepare as prepare
from gendyn.sweep.execute.layout import Layout as Layout
from gendyn.sweep.execute.layout import next_layout as next_layout
from gendyn.sweep.execute.population import Population as Population
from gendyn.sweep.execute.progress import Progress as Progress
from gendyn.sweep.execute.segment import Segment as Segment
from gendyn.sweep.execute.segment import make_segment as make_segment
from gendyn.sweep.execute.states import flatten_state as flatten_state
