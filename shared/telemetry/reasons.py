"""Words for what the system's own say to nobody but a programmer."""


def no_room(error: BaseException) -> bool:
    """Whether the server's queue of connections that wait to be taken is full: on a UNIX socket the caller is told."""
    return isinstance(getattr(error, "orig", None) or error, BlockingIOError)


def in_words(error: BaseException, told: str) -> str:
    """Return `told`, or what it comes to where that says nothing to an operator."""
    return f"the server takes no more connections; it may be stopped or overloaded ({told})" if no_room(error) else told
