"""One Kafka request by hand: does the broker that we mean answer a metadata request, and count itself as alive?

Needs no client library and no event loop, so it cannot share a fault with what the tests examine.
"""

import socket
import struct

METADATA, VERSION = 3, 2
NO_TOPICS = 0


def answers(port: int, cluster: str, seconds: float = 2.0) -> bool:
    """Whether the broker at the loopback port is of this cluster, alive in its own eyes, and has a controller."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
            request = struct.pack(">hhih", METADATA, VERSION, 7, 5) + b"probe" + struct.pack(">i", NO_TOPICS)
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _read(connection, 4))
            return _is_ready(_read(connection, size), cluster)
    except (OSError, EOFError, struct.error):
        return False


def _read(connection: socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        part = connection.recv(size - len(read))
        if not part:
            raise EOFError
        read += part
    return read


def _is_ready(answer: bytes, cluster: str) -> bool:
    (brokers,) = struct.unpack_from(">i", answer, 4)
    place = 8
    for _ in range(brokers):
        _, place = _text(answer, place + 4)  # node id, host
        _, place = _text(answer, place + 4)  # port, rack
    found, place = _text(answer, place)
    controller: int = struct.unpack_from(">i", answer, place)[0]
    return found == cluster.encode() and brokers > 0 and controller >= 0


def _text(answer: bytes, place: int) -> tuple[bytes, int]:
    size = max(struct.unpack_from(">h", answer, place)[0], 0)
    return answer[place + 2 : place + 2 + size], place + 2 + size
