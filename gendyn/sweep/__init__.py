"""Many runs as one program: axes -> plan -> pack -> execute -> resume."""

from gendyn.sweep.analyse import analyse as analyse
from gendyn.sweep.config import base_config as base_config
from gendyn.sweep.leaf import Leaf as Leaf
from gendyn.sweep.plan import Plan as Plan
from gendyn.sweep.run import plan as plan
from gendyn.sweep.run import run as run
from gendyn.sweep.simulate import Group as Group
from gendyn.sweep.simulate import Measured as Measured
from gendyn.sweep.simulate import Simulation as Simulation
from gendyn.sweep.simulate import simulate as simulate
from gendyn.sweep.variants import Variants as Variants
from gendyn.sweep.variants import vary as vary
