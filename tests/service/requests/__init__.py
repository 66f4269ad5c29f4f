"""The requests service on a real database."""
