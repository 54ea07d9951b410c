"""Many runs as one program: axes -> plan -> pack -> execute -> resume."""

from gendyn.sweep.analyse import analyse
from gendyn.sweep.config import base_config
from gendyn.sweep.plan import Plan
from gendyn.sweep.run import plan, run
from gendyn.sweep.simulate import Group, Measured, simulate
from gendyn.sweep.variants import choose_variant

__all__ = ["Group", "Measured", "Plan", "analyse", "base_config", "choose_variant", "plan", "run", "simulate"]
