"""Claims as experiments, one file or package each, in families; and the one way to run them, :func:`launch`."""

from gendyn.experiments.contract import Experiment as Experiment
from gendyn.experiments.contract import declared_config as declared_config
from gendyn.experiments.contract import experiments as experiments
from gendyn.experiments.contract import find as find
from gendyn.experiments.contract import launch as launch
from gendyn.experiments.contract import plan as plan
from gendyn.experiments.contract import require as require
