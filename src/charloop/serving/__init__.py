"""A trained network over HTTP: one engine writes for many clients at once."""
