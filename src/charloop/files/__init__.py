"""Files: written atomically, named by a user as output, kept in the cache folder, or read whole."""
