"""Training: data, clicks, loop, recipes. Needs the `train` extra."""
