"""Records of searches: results, statistics, reports and figures. Knows events and arrays, not searchers."""
