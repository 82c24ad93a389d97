"""Stages that differentiate the network while a person clicks; registered in `clickmask.api.STAGES`."""
