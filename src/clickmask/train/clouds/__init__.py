"""Training on point clouds: made-up scenes, recorded scans, clicks by a robot user, the loop."""
