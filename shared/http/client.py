"""The one place that speaks HTTP to others: internal reads with a service token, and documents such as key sets.

Every call has a time limit. Reads are tried again after a lost connection or a 5xx (few times, growing pauses);
anything that writes is not.
"""

from collections.abc import Callable
from typing import Any

import httpx
import stamina

from shared.telemetry.correlation import current_request_id
from shared.telemetry.trace import current_traceparent

READ_ATTEMPTS = 3
READ_TIMEOUT_SECONDS = 10.0


class ServiceUnreachable(OSError):
    """The other side gave no usable answer in time."""


class InternalClient:
    """Reads from another service of the house."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str, **params: str) -> dict[str, Any] | None:
        """Return the JSON object at `path`, or None when there is none (404); raises ServiceUnreachable."""
        try:
            response = await self._read(path, params)
        except httpx.HTTPError as error:
            raise ServiceUnreachable(f"{path}: {type(error).__name__}") from error
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        body = response.json() if response.is_success else None
        if not isinstance(body, dict):
            raise ServiceUnreachable(f"{path}: answered {response.status_code}")
        return body

    @stamina.retry(on=httpx.HTTPError, attempts=READ_ATTEMPTS, timeout=READ_TIMEOUT_SECONDS, wait_initial=0.1)
    async def _read(self, path: str, params: dict[str, str]) -> httpx.Response:
        response = await self._client.get(path, params=params)
        if response.is_server_error:
            response.raise_for_status()
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def internal_client(
    base_url: str,
    service_token: Callable[[], str],
    *,
    timeout_seconds: float = 3.0,
    transport: httpx.AsyncBaseTransport | None = None,
) -> InternalClient:
    """Return a client of the service at `base_url`; `service_token` makes a fresh token for each call."""
    # Here, so that a visitor from outside (a command line of a second's work) does not load how services know people.
    from shared.auth.dependencies import SERVICE_HEADER

    async def sign(request: httpx.Request) -> None:
        request.headers[SERVICE_HEADER] = service_token()
        if traceparent := current_traceparent():
            request.headers["traceparent"] = traceparent
        if request_id := current_request_id():
            request.headers["x-request-id"] = request_id

    client = httpx.AsyncClient(
        base_url=base_url,
        timeout=timeout_seconds,
        transport=transport,
        event_hooks={"request": [sign]},
        trust_env=False,
    )
    return InternalClient(client)


async def fetch_json(url: str, *, timeout_seconds: float = 5.0) -> dict[str, Any]:
    """Return the JSON object at `url` (an issuer's key set, say); raises ServiceUnreachable or ValueError."""
    try:
        async with httpx.AsyncClient(timeout=timeout_seconds) as client:
            response = await client.get(url)
            response.raise_for_status()
    except httpx.HTTPError as error:
        raise ServiceUnreachable(f"{url}: {type(error).__name__}") from error
    body = response.json()
    if not isinstance(body, dict):
        raise ValueError(f"{url}: not a JSON object")
    return body


Client = httpx.Client
Response = httpx.Response
Unreachable = httpx.TransportError


def outside_client(base_url: str, *, timeout_seconds: float = 30.0) -> Client:
    """Return a client as a portal, a clerk's browser or a CMS would be: for the story and the sample data."""
    return httpx.Client(base_url=base_url, timeout=timeout_seconds, follow_redirects=False, trust_env=False)
