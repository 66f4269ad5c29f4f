"""Search over published documents: every substring is found, and nothing that does not hold it."""
