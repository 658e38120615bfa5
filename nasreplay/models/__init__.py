"""Networks: operations, cells, children and supernets (torch)."""
