"""Trace a step into a program: operations on rows of units, in phases."""
