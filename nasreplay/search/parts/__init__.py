"""What searchers are put together from: samplers, policies, optimizers, densities."""
