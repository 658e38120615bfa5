"""Image data sets: catalogue, readers, splits."""
