"""The torch side: networks, losses, export. Needs the `torch` extra."""
