"""Networks of NAS-Bench-201 and NATS-Bench: operations, cells, children and supernets."""
