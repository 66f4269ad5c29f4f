"""A service token opens one service's door, for a minute, with the deployment's secret."""

import time

import pytest
from joserfc import jwt

from shared.auth import ServiceTokens, Unauthenticated
from shared.auth.service_token import CLOCK_SKEW_SECONDS, LIFETIME_SECONDS

notify = ServiceTokens("secret", "notify")
requests = ServiceTokens("secret", "requests")


def test_the_called_service_learns_who_calls() -> None:
    caller = requests.verify(notify.issue("requests"))
    assert caller.service == "notify"
    assert (caller.actor.kind, caller.actor.id) == ("system", "notify")


def test_a_token_for_another_service_or_secret_is_refused() -> None:
    for token in (notify.issue("catalog"), ServiceTokens("other", "notify").issue("requests"), "", "a.b.c", "中文"):
        with pytest.raises(Unauthenticated):
            requests.verify(token)


def test_an_old_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    token = notify.issue("requests")
    later = time.time() + LIFETIME_SECONDS + CLOCK_SKEW_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Unauthenticated):
        requests.verify(token)


def test_a_token_without_an_expiry_is_refused() -> None:
    claims = {"iss": "lantai.notify", "aud": "lantai.requests"}
    eternal = jwt.encode({"alg": "HS256"}, claims, notify._key, algorithms=["HS256"])
    with pytest.raises(Unauthenticated):
        requests.verify(eternal)
