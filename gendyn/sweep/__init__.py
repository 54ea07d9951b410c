"""Many runs as one program, in reading order: config (what a run is) < plan (what shares a program) < execute."""

from gendyn.sweep.analyse import analyse as analyse
from gendyn.sweep.config.base import base_config as base_config
from gendyn.sweep.config.leaf import Leaf as Leaf
from gendyn.sweep.config.leaf import check_leaves as check_leaves
from gendyn.sweep.config.probes import parse_probe as parse_probe
from gendyn.sweep.forget import forget as forget
from gendyn.sweep.load_run import LoadedRun as LoadedRun
from gendyn.sweep.load_run import load_run as load_run
from gendyn.sweep.mapped_redraws import mapped_redraws as mapped_redraws
from gendyn.sweep.plan.planned import Plan as Plan
from gendyn.sweep.redraws import redraw_groups as redraw_groups
from gendyn.sweep.redraws import redraw_simulation as redraw_simulation
from gendyn.sweep.replay import replay as replay
from gendyn.sweep.run import plan as plan
from gendyn.sweep.run import run as run
from gendyn.sweep.simulate import Group as Group
from gendyn.sweep.simulate import Measured as Measured
from gendyn.sweep.simulate import Simulation as Simulation
from gendyn.sweep.simulate import simulate as simulate
from gendyn.sweep.time_arms import seconds_per_step as seconds_per_step
from gendyn.sweep.time_arms import time_arms as time_arms
from gendyn.sweep.time_steps import time_steps as time_steps
from gendyn.sweep.variants import Variants as Variants
from gendyn.sweep.variants import vary as vary
