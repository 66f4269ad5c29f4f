"""Mechanism that at least two services use, never policy."""
