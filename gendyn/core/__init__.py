"""Random streams, name -> file look-up, argument checks, counts of operations and bytes."""

from gendyn.core.decompositions import cholesky as cholesky
from gendyn.core.decompositions import eigh as eigh
from gendyn.core.decompositions import eigvalsh as eigvalsh
from gendyn.core.decompositions import qr as qr
from gendyn.core.decompositions import qr_triangle as qr_triangle
from gendyn.core.decompositions import singular_values as singular_values
from gendyn.core.decompositions import solve_triangular as solve_triangular
from gendyn.core.decompositions import svd as svd
from gendyn.core.errors import ConfigError as ConfigError
from gendyn.core.errors import StoreError as StoreError
from gendyn.core.errors import check_choice as check_choice
from gendyn.core.errors import check_positive_int as check_positive_int
from gendyn.core.errors import check_range as check_range
from gendyn.core.errors import is_concrete as is_concrete
from gendyn.core.errors import nearest as nearest
from gendyn.core.flops import count_flops as count_flops
from gendyn.core.flops import peak_bytes as peak_bytes
from gendyn.core.lookup import lookup as lookup
from gendyn.core.lookup import module as module
from gendyn.core.lookup import names as names
from gendyn.core.lookup import paths as paths
from gendyn.core.memory import check_basis as check_basis
from gendyn.core.memory import check_memory as check_memory
from gendyn.core.memory import free_bytes as free_bytes
from gendyn.core.random import normal as normal
from gendyn.core.random import stream as stream
