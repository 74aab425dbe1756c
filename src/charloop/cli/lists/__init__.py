"""The commands that list what there is."""
