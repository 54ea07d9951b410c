"""Where tests of experiments still look for the runs of a config; they live in ``config/points.py``."""

from gendyn.sweep.config.points import Point as Point
from gendyn.sweep.config.points import make_points as make_points
