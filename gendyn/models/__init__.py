"""Networks as flax.linen modules whose width can be padded, and adapters for networks of any other make."""

from gendyn.models._adapters import as_model, from_flax, from_functions, from_nnx, parameter_count
from gendyn.models.antisymmetric_mlp import antisymmetric_mlp
from gendyn.models.cnn import cnn
from gendyn.models.mlp import mlp
from gendyn.models.resnet18 import resnet18

__all__ = [
    "antisymmetric_mlp",
    "as_model",
    "cnn",
    "from_flax",
    "from_functions",
    "from_nnx",
    "mlp",
    "parameter_count",
    "resnet18",
]
