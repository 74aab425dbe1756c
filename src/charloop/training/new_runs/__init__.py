"""Before a run: `preparing`: what it starts from; `range_test`: a short run to find a learning rate."""
