"""Writing a text together with a network."""
