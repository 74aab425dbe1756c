"""Scripts that time charloop beside other programs. They need a checkout; README.md says how to run them."""
