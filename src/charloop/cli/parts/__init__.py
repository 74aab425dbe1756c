"""Parts of commands that are modules of their own."""
