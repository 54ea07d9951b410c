"""The same fixed pieces of work by gendyn and by its peers, each in a process with its own environment.

Two environments hold the peers; ``GENDYN_PEERS`` names the folder in which they lie (``build.sh`` makes them there)::

    venv-torch   torch, PyHessian, curvlinops, hessian-eigenthings
    venv-nt      neural-tangents and the last JAX it works with

A file here runs under such an old environment, so it imports nothing of gendyn, and only ``with_gendyn.py`` does.
"""
