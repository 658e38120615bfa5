"""`nasreplay`, and `python -m nasreplay`: signals are taken care of before anything else is imported."""

from nasreplay import signals


def main() -> None:
    """Run the command line of this process."""
    signals.install()
    from nasreplay.cli.main import main

    main()


if __name__ == "__main__":
    main()
