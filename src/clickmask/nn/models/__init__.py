"""One file per method. They never import one another."""
