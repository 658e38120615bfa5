"""Images that are read while a network trains: what is done to them, reading ahead, decoded pixels on disk."""
