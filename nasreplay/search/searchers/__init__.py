"""One searcher a file."""
