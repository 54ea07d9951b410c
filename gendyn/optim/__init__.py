"""Gradient transforms, gradient filters, projections, losses and schedules; useful without the rest of gendyn."""

from gendyn.optim._frequency_response import frequency_response
from gendyn.optim._gate import gate
from gendyn.optim._jacobian_norm import jacobian_norm
from gendyn.optim._schedules import SCHEDULES, constant, cosine, inverse_sqrt, linear, schedule, warmup
from gendyn.optim._transform import LearningRate, keep_dtypes, scale_updates
from gendyn.optim.adagrad import adagrad
from gendyn.optim.adam import adam
from gendyn.optim.adamw import adamw
from gendyn.optim.butterworth import butterworth
from gendyn.optim.cross_entropy import cross_entropy
from gendyn.optim.cross_entropy_bfloat16 import cross_entropy_bfloat16
from gendyn.optim.cross_entropy_float16 import cross_entropy_float16
from gendyn.optim.cross_entropy_float64 import cross_entropy_float64
from gendyn.optim.egalitarian_gradient import egalitarian_gradient
from gendyn.optim.gradient_split import gradient_split
from gendyn.optim.grokfast_ema import grokfast_ema
from gendyn.optim.grokfast_ma import grokfast_ma
from gendyn.optim.identity import identity
from gendyn.optim.kalman import kalman
from gendyn.optim.linear_filter import linear_filter
from gendyn.optim.lion import lion
from gendyn.optim.muon import muon
from gendyn.optim.orthogonal_gradient import orthogonal_gradient
from gendyn.optim.project_norm import project_norm
from gendyn.optim.rmsprop import rmsprop
from gendyn.optim.sgd import sgd
from gendyn.optim.squared_error import squared_error
from gendyn.optim.stablemax_cross_entropy import (
    stablemax_cross_entropy,
    stablemax_cross_entropy_with_integer_labels,
)

__all__ = [
    "SCHEDULES",
    "LearningRate",
    "adagrad",
    "adam",
    "adamw",
    "butterworth",
    "constant",
    "cosine",
    "cross_entropy",
    "cross_entropy_bfloat16",
    "cross_entropy_float16",
    "cross_entropy_float64",
    "egalitarian_gradient",
    "frequency_response",
    "gate",
    "gradient_split",
    "grokfast_ema",
    "grokfast_ma",
    "identity",
    "inverse_sqrt",
    "jacobian_norm",
    "kalman",
    "keep_dtypes",
    "linear",
    "linear_filter",
    "lion",
    "muon",
    "orthogonal_gradient",
    "project_norm",
    "rmsprop",
    "scale_updates",
    "schedule",
    "sgd",
    "squared_error",
    "stablemax_cross_entropy",
    "stablemax_cross_entropy_with_integer_labels",
    "warmup",
]
