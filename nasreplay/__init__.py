"""nasreplay: one architecture-search algorithm, two worlds."""
