"""Vector code for a program, and for the products and sums around it."""
