"""Networks of the NASNet spaces: operations, cells, evaluation networks and supernets."""
