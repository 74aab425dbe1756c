"""How weights are found: the step, the loop around it, and what they need."""
