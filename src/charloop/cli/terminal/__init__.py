"""What the terminal shows: screens, bars, curves, colours, and numbers in words."""
