"""The models that exist: their descriptions, and where their weights are. Data, no code of any network."""
