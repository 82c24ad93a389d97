"""What stands on a backbone and gives logits; shared by methods."""
