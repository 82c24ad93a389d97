"""Point clouds: values, files, voxels and neighbours. Geometry only; robots, methods and data sets live elsewhere."""
