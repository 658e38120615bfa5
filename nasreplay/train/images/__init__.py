"""Image data sets: names, readers, splits."""
