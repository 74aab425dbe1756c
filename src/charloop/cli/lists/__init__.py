"""The commands that print lists: cells, corpora, presets."""
