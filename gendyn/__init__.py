"""gendyn: the dynamics of generalization, one population of networks at a time."""
