"""An identity provider for development and tests only: a key and the tokens it signs.

It asks nobody for a password, so it refuses to exist in production.
"""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from shared.auth.keys import LocalKeys
from shared.auth.people import Grant

ALGORITHM = "ES256"
ROLES_CLAIM = "lantai_roles"
LIFETIME_SECONDS = 8 * 3600
ALLOWED_ENVIRONMENTS = ("development", "test")


class IssuerRefused(RuntimeError):
    """The development issuer was asked for in production."""


class DevelopmentIssuer:
    """Issues tokens for whoever asks. `url` is its issuer name and where its app (`issuer_app`) is reached."""

    def __init__(self, *, env: str, url: str, audience: str = "lantai", key: ECKey | None = None) -> None:
        if env not in ALLOWED_ENVIRONMENTS:
            raise IssuerRefused(
                "开发用令牌签发器不得用于生产环境（the development issuer refuses to run in production)."
            )
        self.url = url.rstrip("/")
        self.audience = audience
        self._key = key or ECKey.generate_key("P-256")
        self._key.ensure_kid()

    @classmethod
    def stored(cls, path: Path, *, env: str, url: str, audience: str = "lantai") -> "DevelopmentIssuer":
        """Use the key in `path` (mode 0600), made there at the first start, so tokens outlive a restart."""
        if path.exists():
            key = ECKey.import_key(json.loads(path.read_text()))
            return cls(env=env, url=url, audience=audience, key=key)
        issuer = cls(env=env, url=url, audience=audience)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(issuer._key.as_dict(private=True), file)
        return issuer

    @property
    def keys(self) -> LocalKeys:
        """The public keys, for a verifier in the same process."""
        return LocalKeys(KeySet([ECKey.import_key(self._key.as_dict(private=False))]))

    def jwks(self) -> dict[str, Any]:
        """Return the public key set as the JWKS route serves it."""
        return {"keys": [{**self._key.as_dict(private=False), "use": "sig", "alg": ALGORITHM}]}

    def issue(
        self, subject: str, name: str, grants: Iterable[Grant], *, lifetime_seconds: int = LIFETIME_SECONDS
    ) -> str:
        """Return a signed token for a member of staff with these grants."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": self.audience,
            "sub": subject,
            "name": name,
            "iat": now,
            "exp": now + lifetime_seconds,
            ROLES_CLAIM: [{"role": grant.role.value, "agency": str(grant.agency_id)} for grant in grants],
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key, algorithms=[ALGORITHM])
