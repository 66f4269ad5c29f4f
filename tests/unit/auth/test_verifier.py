"""A token counts only when everything about it holds; anything else is one refusal that gives no reason away."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from shared.auth import DevelopmentIssuer, Grant, LocalKeys, Role, TokenVerifier, Unauthenticated

AGENCY = UUID("01a2042c-f183-76de-9860-8a4a3edf7eaf")
URL = "https://login.example.gov.cn"
issuer = DevelopmentIssuer(env="test", url=URL)
verifier = TokenVerifier(issuer=URL, audience="lantai", keys=issuer.keys)
good = {"iss": URL, "aud": "lantai", "sub": "zs", "name": "张三"}


def signed(claims: Mapping[str, Any], *, key: ECKey | None = None, kid: str | None = None) -> str:
    own = key or issuer._key
    claims = {"exp": int(time.time()) + 300, **claims}
    return jwt.encode({"alg": "ES256", "kid": kid or own.kid}, dict(claims), own, algorithms=["ES256"])


async def test_a_good_token_names_a_person_and_their_grants() -> None:
    token = issuer.issue("zs", "张三", [Grant(Role.CLERK, AGENCY), Grant(Role.APPROVER, AGENCY)])
    principal = await verifier.verify(token)
    assert (principal.subject, principal.name) == ("zs", "张三")
    assert principal.grants == (Grant(Role.CLERK, AGENCY), Grant(Role.APPROVER, AGENCY))
    assert (principal.actor.kind, principal.actor.id) == ("staff", "zs")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another-system"},
        {"aud": ["another-system"]},
        {"exp": int(time.time()) - 61},
        {"exp": "tomorrow"},
        {"exp": None},
        {"nbf": int(time.time()) + 600},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"iss": None},
    ],
)
async def test_a_token_with_a_wrong_claim_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(signed(good | claims))


async def test_a_minute_of_clock_skew_is_forgiven() -> None:
    assert (await verifier.verify(signed(good | {"exp": int(time.time()) - 30}))).subject == "zs"


async def test_another_key_under_our_key_id_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(signed(good, key=ECKey.generate_key("P-256"), kid=issuer._key.kid))


async def test_an_unknown_key_id_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(signed(good, kid="unknown"))


def part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def unsigned(header: dict[str, Any]) -> str:
    claims = good | {"exp": int(time.time()) + 300}
    return f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"


async def test_an_hmac_made_with_the_public_key_is_refused() -> None:
    content = unsigned({"alg": "HS256", "kid": issuer._key.kid})
    mac = hmac.digest(issuer._key.as_pem(private=False), content.encode(), "sha256")
    with pytest.raises(Unauthenticated):
        await verifier.verify(f"{content}.{part(mac)}")


async def test_an_unsigned_token_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(unsigned({"alg": "none", "kid": issuer._key.kid}) + ".")


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "中文.中文.中文", "." * 3, "x" * 9000])
async def test_garbage_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_a_changed_claim_breaks_the_signature() -> None:
    head, body, signature = signed(good).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "root"}).encode()).decode().rstrip("=")
    with pytest.raises(Unauthenticated):
        await verifier.verify(f"{head}.{forged}.{signature}")


@pytest.mark.parametrize(
    "roles",
    [
        None,
        "clerk",
        {},
        [None],
        [{"role": "clerk"}],
        [{"role": "king", "agency": str(AGENCY)}],
        [{"role": "clerk", "agency": "x"}],
    ],
)
async def test_roles_we_do_not_understand_grant_nothing(roles: Any) -> None:
    assert (await verifier.verify(signed(good | {"lantai_roles": roles}))).grants == ()


async def test_the_claim_of_roles_can_be_named() -> None:
    entry = {"role": "supervisor", "agency": str(AGENCY)}
    keys = LocalKeys(KeySet([issuer._key]))
    other = TokenVerifier(issuer=URL, audience="lantai", keys=keys, roles_claim="https://x/roles")
    principal = await other.verify(signed(good | {"https://x/roles": [entry], "lantai_roles": []}))
    assert principal.grants == (Grant(Role.SUPERVISOR, AGENCY),)


class Withdrawable:
    """The issuer's keys, until they are taken back."""

    def __init__(self) -> None:
        self.keys = KeySet([issuer._key])

    async def holding(self, kid: str | None) -> KeySet:
        return self.keys


async def seen_then_withdrawn(token: str) -> tuple[TokenVerifier, Callable[[float], None]]:
    """Return a verifier that saw the token before all keys were withdrawn, and the means to move its clock on."""
    keys, moved = Withdrawable(), [0.0]
    watching = TokenVerifier(issuer=URL, audience="lantai", keys=keys, clock=lambda: time.time() + moved[0])
    await watching.verify(token)
    keys.keys = KeySet([ECKey.generate_key("P-256")])
    return watching, lambda seconds: moved.__setitem__(0, seconds)


async def test_a_token_that_held_is_known_for_a_minute_and_no_longer() -> None:
    token = signed(good)
    watching, move_on = await seen_then_withdrawn(token)
    move_on(50)
    assert (await watching.verify(token)).subject == "zs"
    with pytest.raises(Unauthenticated):
        await watching.verify(signed(good | {"name": "李四"}))
    move_on(61)
    with pytest.raises(Unauthenticated):
        await watching.verify(token)


async def test_a_known_token_is_not_known_beyond_its_expiry() -> None:
    token = signed(good | {"exp": int(time.time()) - 40})
    watching, move_on = await seen_then_withdrawn(token)
    assert (await watching.verify(token)).subject == "zs"
    move_on(30)
    with pytest.raises(Unauthenticated):
        await watching.verify(token)
