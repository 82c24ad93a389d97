"""`clickmask serve`: the model for other annotation tools, in the protocols that they speak."""
