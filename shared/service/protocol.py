"""HTTP/1.1 as httptools parses it, with the limit that it lacks: a head is gathered in memory until it is complete."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024


class HeadLimited(HttpToolsProtocol):
    """Refuses a head that goes on beyond the limit after its first piece. Bodies are limited by the edge."""

    _in_head = False
    _gathered = 0

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._gathered += len(data)
            if self._gathered > MAX_HEAD_BYTES:
                self.send_400_response("Request head too large.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._in_head, self._gathered = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()
