"""The networks of SLNAS: operations, blocks, supernet and the network of one architecture."""
