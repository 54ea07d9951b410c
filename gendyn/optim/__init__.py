"""Gradient transforms, losses and learning-rate schedules; useful without the rest of gendyn."""

from gendyn.optim._schedules import SCHEDULES, constant, cosine, inverse_sqrt, linear, schedule, warmup
from gendyn.optim._transform import LearningRate, keep_dtypes, scale_updates
from gendyn.optim.adam import adam
from gendyn.optim.adamw import adamw
from gendyn.optim.cross_entropy import cross_entropy
from gendyn.optim.lion import lion
from gendyn.optim.muon import muon
from gendyn.optim.sgd import sgd
from gendyn.optim.squared_error import squared_error

__all__ = [
    "SCHEDULES",
    "LearningRate",
    "adam",
    "adamw",
    "constant",
    "cosine",
    "cross_entropy",
    "inverse_sqrt",
    "keep_dtypes",
    "linear",
    "lion",
    "muon",
    "scale_updates",
    "schedule",
    "sgd",
    "squared_error",
    "warmup",
]
