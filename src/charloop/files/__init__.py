"""Files: whole or not there, named by a person, or small enough to be read at once."""
