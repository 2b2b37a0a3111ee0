"""Chat platforms. The terminal is the first; it needs no token and no network."""
