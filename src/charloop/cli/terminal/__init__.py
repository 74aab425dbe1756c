"""What a person sees: screens, bars, curves, colours, and numbers in words."""
