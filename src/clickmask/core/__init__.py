"""Values and rules that every other package shares: numpy only, no files, no network, no state."""
