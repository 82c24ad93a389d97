"""The inference pipeline: stages wrapped round a backend, and the predictor on top. No torch here."""
