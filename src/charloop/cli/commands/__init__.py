"""One module for each command; a package where a command needs more."""
