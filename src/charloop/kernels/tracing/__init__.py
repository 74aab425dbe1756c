"""A step traced into a program: operations on rows of units, in phases."""
