"""Data sets and problems as :class:`gendyn.types.Task`, one file each, and the three kinds of label noise."""

from gendyn.tasks._label_noise import LABEL_NOISE_KINDS, flip_exact, uniform_any, uniform_incorrect
from gendyn.tasks.cifar10 import cifar10
from gendyn.tasks.cifar100 import cifar100
from gendyn.tasks.digits import digits
from gendyn.tasks.fashion_mnist import fashion_mnist
from gendyn.tasks.linear_teacher import linear_teacher
from gendyn.tasks.mnist import mnist
from gendyn.tasks.mnist1d import mnist1d
from gendyn.tasks.mnist5k import mnist5k
from gendyn.tasks.modular_arithmetic import modular_arithmetic
from gendyn.tasks.s5_composition import s5_composition
from gendyn.tasks.sparse_parity import sparse_parity
from gendyn.tasks.tanh_teacher import tanh_teacher
from gendyn.tasks.teacher_student import teacher_student

__all__ = [
    "LABEL_NOISE_KINDS",
    "cifar10",
    "cifar100",
    "digits",
    "fashion_mnist",
    "flip_exact",
    "linear_teacher",
    "mnist",
    "mnist1d",
    "mnist5k",
    "modular_arithmetic",
    "s5_composition",
    "sparse_parity",
    "tanh_teacher",
    "teacher_student",
    "uniform_any",
    "uniform_incorrect",
]
