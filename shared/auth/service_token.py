"""Tokens by which one service of the house calls another's internal routes.

HS256 under the deployment's secret, for one audience (the called service) and one minute: an intercepted token opens
nothing else and soon nothing at all.
"""

import hashlib
import hmac
import time

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from shared.auth.errors import Unauthenticated
from shared.auth.people import ServiceCaller

LIFETIME_SECONDS = 60
CLOCK_SKEW_SECONDS = 60
ALGORITHMS = ("HS256",)
ISSUER_PREFIX = "lantai."


class ServiceTokens:
    """Issues tokens in the name of `service` and verifies those made for it."""

    def __init__(self, secret: str, service: str) -> None:
        derived = hmac.new(secret.encode(), b"lantai service tokens", hashlib.sha256).digest()
        self._key = OctKey.import_key(derived)
        self._service = service
        self._claims = jwt.JWTClaimsRegistry(
            leeway=CLOCK_SKEW_SECONDS,
            iss={"essential": True},
            aud={"essential": True, "value": ISSUER_PREFIX + service},
            exp={"essential": True},
        )

    def issue(self, audience: str) -> str:
        """Return a token with which this service may call the service `audience`."""
        now = int(time.time())
        claims = {
            "iss": ISSUER_PREFIX + self._service,
            "aud": ISSUER_PREFIX + audience,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
        }
        return jwt.encode({"alg": "HS256"}, claims, self._key, algorithms=ALGORITHMS)

    def verify(self, token: str) -> ServiceCaller:
        """Return who calls; raises Unauthenticated."""
        try:
            claims = jwt.decode(token, self._key, algorithms=ALGORITHMS).claims
            self._claims.validate(claims)
        except (JoseError, ValueError, TypeError):
            raise Unauthenticated("服务凭证无效或已过期。") from None
        return ServiceCaller(str(claims["iss"]).removeprefix(ISSUER_PREFIX))
