"""One notice to one recipient over one channel, and what became of it."""
