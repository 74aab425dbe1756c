"""A trained network over HTTP: one worker writes for many clients at once."""
