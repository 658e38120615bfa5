"""Training networks on real images: data, recipes, loop and checkpoints (torch is imported here and only here)."""
