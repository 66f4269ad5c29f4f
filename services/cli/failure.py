"""A command that failed says so in one sentence on stderr and ends with 1; a wrong use ends with 2."""


class Failed(Exception):
    """The command could not do what it was asked; the message is one sentence that says what to do."""
