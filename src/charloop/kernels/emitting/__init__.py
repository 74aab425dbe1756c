"""Emit vector instructions for a program, and for the products and sums around it."""
