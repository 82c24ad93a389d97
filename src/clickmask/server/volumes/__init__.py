"""Volumes in the annotator: slices to look at, answers slice by slice, masks carried along."""
