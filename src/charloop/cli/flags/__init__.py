"""What a command is told: flags from declarations, their values, and what refuses them."""
