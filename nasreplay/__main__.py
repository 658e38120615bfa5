"""`nasreplay`, and `python -m nasreplay`: signals are taken care of before anything else is imported."""

import gc

from nasreplay import signals


def main() -> None:
    """Run the command line of this process."""
    signals.install()
    gc.disable()  # what is imported lasts: to look for garbage in it takes a tenth of a query
    from nasreplay.cli.main import main

    main()


if __name__ == "__main__":
    main()
