"""Turns a bearer token into a Principal, or refuses it.

Only asymmetric signatures are accepted (never `none`, never HMAC with a public key), and issuer, audience, subject and
expiry are always checked. Expiry is compared with the process's clock: it is security, not a business day.

A token that held is known for a minute (never beyond its expiry): checking a signature costs as much as a small
request. So a signing key that was withdrawn opens nothing new at once, and nothing at all after that minute.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from shared.auth.errors import Unauthenticated
from shared.auth.keys import Keys
from shared.auth.people import Grant, Principal, Role

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519")
CLOCK_SKEW_SECONDS = 60
MAX_TOKEN_CHARACTERS = 8_192
KNOWN_SECONDS = 60
MAX_KNOWN = 10_000

log = structlog.get_logger()


class TokenVerifier:
    """Checks tokens of one issuer for one audience."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: Keys,
        roles_claim: str = "lantai_roles",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._keys = keys
        self._roles_claim = roles_claim
        self._claims = jwt.JWTClaimsRegistry(
            leeway=CLOCK_SKEW_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def verify(self, token: str) -> Principal:
        """Return whom `token` names; raises Unauthenticated, or IdentityUnavailable when no keys can be had."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthenticated("登录凭证过长。")
        digest = hashlib.sha256(token.encode()).digest()
        principal, until = self._known.get(digest, (None, 0.0))
        if principal is not None and self._clock() < until:
            return principal
        try:
            kid = extract_compact(token.encode("ascii")).headers().get("kid")
            keys = await self._keys.holding(kid)
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            self._claims.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            log.info("token_refused", reason=type(error).__name__)
            raise Unauthenticated("登录凭证无效或已过期，请重新登录。") from None
        principal = self._principal(claims)
        self._remember(digest, principal, claims["exp"])
        return principal

    def _remember(self, digest: bytes, principal: Principal, expires: float) -> None:
        self._known[digest] = principal, min(self._clock() + KNOWN_SECONDS, expires + CLOCK_SKEW_SECONDS)
        self._known.move_to_end(digest)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        subject = str(claims["sub"])
        name = claims.get("name") or claims.get("preferred_username") or subject
        entries = claims.get(self._roles_claim, [])
        grants = (_grant(entry) for entry in entries) if isinstance(entries, list) else ()
        return Principal(subject, str(name), tuple(grant for grant in grants if grant is not None))


def _grant(entry: object) -> Grant | None:
    """Read `{role, agency}`; a role or agency we do not know grants nothing."""
    try:
        if isinstance(entry, Mapping):
            return Grant(Role(str(entry["role"])), UUID(str(entry["agency"])))
    except (KeyError, ValueError):
        log.info("grant_ignored")
    return None
