"""The routes, thin: read the request, call one thing, shape the answer."""
