"""The development issuer never exists in production, and its key outlives a restart."""

import stat
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from shared.auth import DevelopmentIssuer, Grant, RemoteKeys, Role, TokenVerifier
from shared.auth.issuer import IssuerRefused
from shared.auth.issuer_app import issuer_app

URL = "http://issuer.test"
AGENCY = UUID("01a2042c-f183-76de-9860-8a4a3edf7eaf")


@pytest.mark.parametrize("env", ["production", "", "staging"])
def test_it_refuses_outside_development(env: str, tmp_path: Path) -> None:
    with pytest.raises(IssuerRefused, match="production"):
        DevelopmentIssuer(env=env, url=URL)
    with pytest.raises(IssuerRefused):
        DevelopmentIssuer.stored(tmp_path / "issuer.json", env=env, url=URL)
    assert list(tmp_path.iterdir()) == []


async def test_a_token_holds_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "issuer.json"
    token = DevelopmentIssuer.stored(path, env="development", url=URL).issue("zs", "张三", [])
    again = DevelopmentIssuer.stored(path, env="development", url=URL)
    verifier = TokenVerifier(issuer=URL, audience="lantai", keys=again.keys)
    assert (await verifier.verify(token)).name == "张三"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_its_routes_serve_a_verifier_that_only_knows_the_address() -> None:
    issuer = DevelopmentIssuer(env="test", url=URL)
    transport = httpx.ASGITransport(app=issuer_app(issuer))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        discovery = (await client.get("/.well-known/openid-configuration")).json()

        async def fetch() -> dict[str, object]:
            document: dict[str, object] = (await client.get(discovery["jwks_uri"])).json()
            return document

        wanted = {"sub": "ls", "name": "李四", "roles": [{"role": "reviewer", "agency": str(AGENCY)}]}
        answer = (await client.post(discovery["token_endpoint"], json=wanted)).json()
        assert "d" not in (await fetch())["keys"][0]  # type: ignore[index]  # the private part stays here
        verifier = TokenVerifier(issuer=discovery["issuer"], audience="lantai", keys=RemoteKeys(fetch))
        principal = await verifier.verify(answer["access_token"])
    assert (principal.name, principal.grants) == ("李四", (Grant(Role.REVIEWER, AGENCY),))
