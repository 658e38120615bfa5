"""What the commands do, callable from Python: typed settings in, typed results out, no printing."""


def silent(*told: object) -> None:
    """Ignore what is told: the default of whatever shows progress."""
