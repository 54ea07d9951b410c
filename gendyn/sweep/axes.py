"""Where experiments and scripts still look for the axes; they live in ``config/axes.py``."""

from gendyn.sweep.config.axes import normalise as normalise
from gendyn.sweep.config.axes import parse as parse
