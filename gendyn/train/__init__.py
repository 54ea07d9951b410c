"""One run as pure functions: state, step, segment of steps, evaluation schedule."""

from gendyn.train.augment import crop_and_flip as crop_and_flip
from gendyn.train.data import Data as Data
from gendyn.train.data import Sample as Sample
from gendyn.train.data import batch_indices as batch_indices
from gendyn.train.data import permute as permute
from gendyn.train.draws import draws as draws
from gendyn.train.evaluate import evaluate as evaluate
from gendyn.train.run import Run as Run
from gendyn.train.run import Stop as Stop
from gendyn.train.schedule import record_steps as record_steps
from gendyn.train.segment import segment as segment
from gendyn.train.state import State as State
from gendyn.train.state import create as create
from gendyn.train.state import initial_state as initial_state
from gendyn.train.step import gradient_step as gradient_step
from gendyn.train.step import step_and_gradient as step_and_gradient
