"""Which runs share which programs, in which chunks, and what that will cost."""

from gendyn.sweep.plan.against_task import load_task as load_task
from gendyn.sweep.plan.planned import Chunk as Chunk
from gendyn.sweep.plan.planned import Estimate as Estimate
from gendyn.sweep.plan.planned import Plan as Plan
from gendyn.sweep.plan.planned import PlannedRun as PlannedRun
from gendyn.sweep.plan.planned import plan_from_json as plan_from_json
from gendyn.sweep.plan.planner import make_plan as make_plan
from gendyn.sweep.plan.program import Hypers as Hypers
from gendyn.sweep.plan.program import Program as Program
