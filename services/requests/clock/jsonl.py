"""Lines of a byte stream as they arrive: what is there is answered at once, and memory stays constant.

Lines end at LF; a CR before it, a byte order mark at the start and blank lines are let pass.
"""

from collections.abc import Callable, Iterator

_BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 16


def batches(read: Callable[[int], bytes]) -> Iterator[list[bytes]]:
    """The lines completed by each read, without the blank ones. `read(n)` gives up to n bytes, none at the end."""
    pending: list[bytes] = []
    first = True
    while chunk := read(_CHUNK):
        head, newline, tail = chunk.rpartition(b"\n")
        if not newline:
            pending.append(chunk)
            continue
        whole, first = _without_bom(b"".join([*pending, head]), first), False
        pending = [tail]
        yield [line for line in whole.split(b"\n") if line and not line.isspace()]
    last = _without_bom(b"".join(pending), first)
    if last and not last.isspace():
        yield [last]


def _without_bom(text: bytes, first: bool) -> bytes:
    return text.removeprefix(_BOM) if first else text
