"""`python -m nasreplay` is the `nasreplay` command."""

from nasreplay.cli.main import main

main()
