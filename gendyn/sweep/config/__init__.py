"""What a sweep is: leaves with their rules, axes, and the runs that they make."""

from gendyn.sweep.config.axes import Axes as Axes
from gendyn.sweep.config.axes import Zips as Zips
from gendyn.sweep.config.axes import normalise as normalise
from gendyn.sweep.config.axes import normalise_zips as normalise_zips
from gendyn.sweep.config.axes import parse as parse
from gendyn.sweep.config.base import base_config as base_config
from gendyn.sweep.config.complete import complete as complete
from gendyn.sweep.config.factories import FACTORIES as FACTORIES
from gendyn.sweep.config.factories import build as build
from gendyn.sweep.config.factories import offered as offered
from gendyn.sweep.config.flat import Flat as Flat
from gendyn.sweep.config.flat import flatten as flatten
from gendyn.sweep.config.flat import nest as nest
from gendyn.sweep.config.leaf import Leaf as Leaf
from gendyn.sweep.config.leaf import check_leaf as check_leaf
from gendyn.sweep.config.leaf import check_leaves as check_leaves
from gendyn.sweep.config.leaf import plain as plain
from gendyn.sweep.config.leaf import unknown_leaf as unknown_leaf
from gendyn.sweep.config.points import Point as Point
from gendyn.sweep.config.points import make_points as make_points
from gendyn.sweep.config.probes import make_probes as make_probes
from gendyn.sweep.config.probes import parse_probe as parse_probe
from gendyn.sweep.config.schema import leaves_of as leaves_of
from gendyn.sweep.config.schema import schema as schema
