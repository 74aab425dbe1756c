"""The forms of an exported network, a module each: its function `make_files` makes the files of an `Export`."""
