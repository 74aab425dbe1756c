"""The flags of commands: their declarations, their values, and how they are parsed."""
