"""Free loopback ports for servers that must be told theirs before they start."""

import random
import socket


def free_port() -> int:
    """A port free now, below the range from which the system takes ports for outgoing connections."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
