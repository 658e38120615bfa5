"""What the commands do, callable from Python: typed settings in, typed results out, no printing."""
