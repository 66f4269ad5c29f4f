"""Internal reads carry a token and the trace, are tried again when that helps, and end in one error."""

import httpx
import pytest
import stamina

from shared.auth.dependencies import SERVICE_HEADER
from shared.http.client import InternalClient, ServiceUnreachable, internal_client
from shared.telemetry import trace

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def quick_retries() -> None:
    stamina.set_testing(True, attempts=3, cap=True)


class Other:
    """The other service: answers what it is told to, one after another."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self) -> InternalClient:
        tokens = iter(f"token-{number}" for number in range(9))
        return internal_client("http://requests.test", lambda: next(tokens), transport=httpx.MockTransport(self))


async def test_a_read_is_signed_and_carries_the_trace() -> None:
    other = Other(httpx.Response(200, json={"phone": "x"}))
    with trace.use(PARENT):
        assert await other.client().get("/internal/contacts/1", purpose="mail") == {"phone": "x"}
    (request,) = other.seen
    assert request.headers[SERVICE_HEADER] == "token-0"
    assert request.headers["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert request.url.query == b"purpose=mail"


async def test_lost_connections_and_server_errors_are_tried_again_with_a_fresh_token() -> None:
    other = Other(httpx.ConnectError("gone"), httpx.Response(503), httpx.Response(200, json={"n": 1}))
    assert await other.client().get("/x") == {"n": 1}
    assert [request.headers[SERVICE_HEADER] for request in other.seen] == ["token-0", "token-1", "token-2"]


async def test_it_gives_up_with_one_error() -> None:
    other = Other(*(httpx.ReadTimeout("slow") for _ in range(3)))
    with pytest.raises(ServiceUnreachable, match="ReadTimeout"):
        await other.client().get("/x")
    assert len(other.seen) == 3


@pytest.mark.parametrize("answer", [httpx.Response(403), httpx.Response(302), httpx.Response(200, json=[1])])
async def test_a_refusal_is_not_tried_again(answer: httpx.Response) -> None:
    other = Other(answer)
    with pytest.raises(ServiceUnreachable):
        await other.client().get("/x")
    assert len(other.seen) == 1


async def test_not_found_is_none() -> None:
    assert await Other(httpx.Response(404)).client().get("/x") is None
