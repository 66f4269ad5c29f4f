"""Double opt-in: an address is told of documents only after its owner has confirmed, until they end it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.errors import Category, DomainError


class State(StrEnum):
    """Where a subscription stands."""

    PENDING = "pending"
    ACTIVE = "active"
    ENDED = "ended"


class LinkUnknown(DomainError):
    """Wrong token or no such subscription: the same answer, so that nothing can be learned from it."""

    code = "link_unknown"
    title = "链接无效，请核对邮件中的地址"
    category = Category.NOT_FOUND


class LinkExpired(DomainError):
    """The confirmation came too late, or the subscription was ended."""

    code = "link_expired"
    title = "确认链接已过期，请重新订阅"
    category = Category.GONE


@dataclass(frozen=True)
class Known:
    """What is known of an address's subscription to an agency."""

    state: State
    requested_at: datetime


def must_ask(known: Known | None, now: datetime, pause: timedelta) -> bool:
    """Say whether a confirmation mail goes out: not to a subscriber, and not again within `pause` (mail bombing)."""
    if known is None or known.state is State.ENDED:
        return known is None or now >= known.requested_at + pause
    return known.state is State.PENDING and now >= known.requested_at + pause


def confirm(known: Known, now: datetime, valid_for: timedelta) -> bool:
    """Return whether confirming changes anything; raises LinkExpired."""
    if known.state is State.ACTIVE:
        return False
    if known.state is State.ENDED or now > known.requested_at + valid_for:
        raise LinkExpired()
    return True
