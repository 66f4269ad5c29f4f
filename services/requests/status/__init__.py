"""What the public sees of a case, by receipt number and secret code."""
