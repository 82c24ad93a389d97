"""Files: images, masks and annotations, read and written. One module per kind, parse and serialize in pairs."""
