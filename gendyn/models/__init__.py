"""Networks as flax.linen modules whose width can be padded, and adapters for networks of any other make."""

from gendyn.models._adapters import from_flax, from_functions, from_nnx, parameter_count
from gendyn.models.cnn import cnn
from gendyn.models.mlp import mlp
from gendyn.models.resnet18 import resnet18

__all__ = ["cnn", "from_flax", "from_functions", "from_nnx", "mlp", "parameter_count", "resnet18"]
