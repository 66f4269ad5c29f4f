"""A response 回应: the step it does, and the continued releases after it."""
