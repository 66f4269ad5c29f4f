"""Lantai as its users reach it: the citizen without a token, staff with one, each through the public origin.

Everybody here comes from one address, so a system that counts its visitors may ask for patience, and gets it.
`Visitor` reads, creates (with an Idempotency-Key) and acts (with If-Match); an answer that is no success raises
`Refused` with the problem's code, so that a caller can also expect a refusal.
"""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from services.cli.failure import Failed
from shared.http.client import Client, Response, Unreachable, outside_client

TOO_MANY = 429
COMES_AGAIN = 10


class Refused(Failed):
    """The system answered with a problem."""

    def __init__(self, call: str, status: int, code: str, said: str) -> None:
        super().__init__(f"{call}: {status} {code}: {said}")
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Answer:
    """What came back: the JSON body (or the text), and the version to act on next."""

    body: Any
    text: str
    etag: str | None

    def __getitem__(self, key: str) -> Any:
        return self.body[key]


class Visitor:
    """One person at the public origin; `token` is None for the public."""

    def __init__(self, http: Client, token: str | None = None) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **params: Any) -> Answer:
        """Read; raises Refused."""
        return _answer(_send(self._http, "GET", path, params=params, headers=self._headers))

    def create(self, path: str, body: dict[str, Any]) -> Answer:
        """Make something new, under a fresh Idempotency-Key; raises Refused."""
        headers = self._headers | {"Idempotency-Key": str(uuid4())}
        return _answer(_send(self._http, "POST", path, json=body, headers=headers))

    def act(self, path: str, body: dict[str, Any], etag: str | None, *, method: str = "POST") -> Answer:
        """Act on the version that was read, under a fresh Idempotency-Key for acts that also create; raises Refused."""
        headers = self._headers | {"Idempotency-Key": str(uuid4())} | ({"If-Match": etag} if etag else {})
        return _answer(_send(self._http, method, path, json=body, headers=headers))

    def ask(self, path: str, body: dict[str, Any]) -> Answer:
        """Ask by POST what must not stand in an address (a secret code); raises Refused."""
        return _answer(_send(self._http, "POST", path, json=body, headers=self._headers))

    def form(self, path: str, fields: dict[str, str]) -> Answer:
        """Send a page's form; raises Refused."""
        return _answer(_send(self._http, "POST", path, data=fields, headers=self._headers))


def _send(http: Client, method: str, path: str, **sent: Any) -> Response:
    """Send; asked to come later (429), wait as long as is asked and come again: nothing was done."""
    try:
        answer = http.request(method, path, **sent)
        for _ in range(COMES_AGAIN):
            if answer.status_code != TOO_MANY:
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)))
            answer = http.request(method, path, **sent)
    except Unreachable as error:
        where = str(http.base_url).rstrip("/")
        raise Failed(f"{where} does not answer ({error}): start `lantai up`, or set LANTAI_BASE_URL.") from None
    return answer


def _answer(response: Response) -> Answer:
    is_json = "json" in response.headers.get("content-type", "")
    body = response.json() if is_json and response.content else None
    if response.is_success:
        return Answer(body, response.text, response.headers.get("etag"))
    problem = body if isinstance(body, dict) else {}
    said = " ".join(str(problem[key]) for key in ("title", "detail") if problem.get(key)) or response.text[:200]
    fields = "; ".join(f"{each['pointer']}: {each['detail']}" for each in problem.get("errors", ()))
    call = f"{response.request.method} {response.request.url.path}"
    told = f"{said} ({fields})" if fields else said
    raise Refused(call, response.status_code, str(problem.get("code", "")), told)


class Portal:
    """The public origin of a running system, and its development issuer."""

    def __init__(self, base_url: str, issuer_url: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = outside_client(self.base_url)
        self._issuer = issuer_url.rstrip("/") if issuer_url else f"{self.base_url}/issuer"
        self.public = Visitor(self._http)

    def staff(self, subject: str, name: str, *grants: tuple[str, UUID | str]) -> Visitor:
        """Return a member of staff with `(role, agency id)` grants, signed in at the development issuer."""
        return self.bearer(self.token(subject, name, *grants))

    def token(self, subject: str, name: str, *grants: tuple[str, UUID | str]) -> str:
        """Return the development issuer's token for a member of staff."""
        roles = [{"role": role, "agency": str(agency)} for role, agency in grants]
        asked = {"sub": subject, "name": name, "roles": roles}
        answer = _send(self._http, "POST", f"{self._issuer}/token", json=asked)
        if not answer.is_success:
            raise Failed(f"the development issuer at {self._issuer} gives no token ({answer.status_code})")
        return str(answer.json()["access_token"])

    def bearer(self, token: str) -> Visitor:
        """Return whoever the token names."""
        return Visitor(self._http, token)

    def agency(self, code: str) -> dict[str, Any]:
        """Return the agency with this code; raises Failed."""
        found: list[dict[str, Any]] = self.public.get("/api/catalog/v1/agencies", code=code)["items"]
        if not found:
            raise Failed(f"there is no agency with the code {code} (see {self.base_url}/api/catalog/v1/agencies)")
        return found[0]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
