"""One run as pure functions: state, step, segment of steps, evaluation schedule."""

from gendyn.train.augment import crop_and_flip
from gendyn.train.data import Data, Sample, batch_indices, permute
from gendyn.train.evaluate import evaluate
from gendyn.train.run import Run, Stop
from gendyn.train.schedule import record_steps
from gendyn.train.segment import segment
from gendyn.train.state import State, create, initial_state
from gendyn.train.step import gradient_step, step_and_gradient

__all__ = [
    "Data",
    "Run",
    "Sample",
    "State",
    "Stop",
    "batch_indices",
    "create",
    "crop_and_flip",
    "evaluate",
    "gradient_step",
    "initial_state",
    "permute",
    "record_steps",
    "segment",
    "step_and_gradient",
]
