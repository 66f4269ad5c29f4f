"""What becomes of a delivery: pure decisions from what the other side said.

Invariant: only a server's yes makes `delivered`, only a final no (or too many refusals) makes `failed`. When nobody
knows whether the server took the mail, it is `unknown` and sent again under the same Message-ID.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from shared.errors import Category, DomainError


class State(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPERSEDED = "superseded"

    @property
    def label(self) -> str:
        """The Chinese name."""
        return _STATE_LABELS[self]


_STATE_LABELS = {
    State.PENDING: "待发送",
    State.SENDING: "发送中",
    State.DELIVERED: "已送达",
    State.FAILED: "发送失败",
    State.UNKNOWN: "结果不明",
    State.SUPERSEDED: "已被取代",
}


class Channel(StrEnum):
    """How a person is reached."""

    MAIL = "mail"
    INBOX = "inbox"

    @property
    def label(self) -> str:
        """The Chinese name."""
        return "电子邮件" if self is Channel.MAIL else "站内信"


class RecipientKind(StrEnum):
    """Whom a delivery is for; `nobody` stands for roles that no registered recipient holds."""

    STAFF = "staff"
    APPLICANT = "applicant"
    SUBSCRIBER = "subscriber"
    NOBODY = "nobody"


class Outcome(StrEnum):
    """How one attempt ended."""

    ACCEPTED = "accepted"  # 250 after DATA
    REFUSED_FOR_NOW = "refused_for_now"  # 4xx
    REFUSED = "refused"  # 5xx, or there is no address to send to
    NOT_SENT = "not_sent"  # the server or the contact could not be reached: surely nothing was sent
    HELD = "held"  # its provider does not answer others: not tried
    LOST = "lost"  # no answer after DATA, or we died: perhaps it was taken
    NOT_WANTED = "not_wanted"  # the recipient ended the subscription meanwhile


@dataclass(frozen=True)
class Attempt:
    """How an attempt ended, with the other side's words."""

    outcome: Outcome
    answer: str


@dataclass(frozen=True)
class RetryPolicy:
    """Pauses grow fourfold up to the longest. After `refusals` refusals or lost answers a person has to act.

    A server that cannot be reached refuses nothing: such mail waits as long as it takes.
    """

    first_pause: timedelta = timedelta(minutes=1)
    longest_pause: timedelta = timedelta(hours=6)
    refusals: int = 8

    def pause(self, attempts: int) -> timedelta:
        """Return how long to wait after the given number of attempts (1 or more)."""
        grown = self.first_pause.total_seconds() * 4.0 ** min(attempts - 1, 20)
        return min(timedelta(seconds=min(grown, 1e8)), self.longest_pause)


@dataclass(frozen=True)
class Next:
    """What a delivery becomes after an attempt; `pause` until the next one, `refusals` so far."""

    state: State
    refusals: int
    pause: timedelta | None


def after(attempt: Attempt, *, attempts: int, refusals: int, policy: RetryPolicy) -> Next:
    """Decide what a delivery becomes after its `attempts`-th attempt; `refusals` were counted before it."""
    match attempt.outcome:
        case Outcome.ACCEPTED:
            return Next(State.DELIVERED, refusals, None)
        case Outcome.REFUSED:
            return Next(State.FAILED, refusals, None)
        case Outcome.NOT_WANTED:
            return Next(State.SUPERSEDED, refusals, None)
        case Outcome.NOT_SENT:
            return Next(State.PENDING, refusals, policy.pause(attempts))
        case Outcome.HELD:
            return Next(State.PENDING, refusals, policy.first_pause)
    if refusals + 1 >= policy.refusals:
        return Next(State.FAILED, refusals + 1, None)
    waiting = State.UNKNOWN if attempt.outcome is Outcome.LOST else State.PENDING
    return Next(waiting, refusals + 1, policy.pause(attempts))


class NotFailed(DomainError):
    """Only a failed delivery waits for a person."""

    code = "delivery_not_failed"
    title = "该通知并非发送失败，无需处理"
    category = Category.INVALID_STATE


class AlreadySettled(DomainError):
    """A person has already said that the failure is settled."""

    code = "delivery_settled"
    title = "该失败通知已处理"
    category = Category.INVALID_STATE


class StillNobody(DomainError):
    """There is still no recipient with the roles that should be told."""

    code = "still_nobody"
    title = "仍无可通知的人员，请先登记接收人"
    category = Category.CONFLICT


def check_task(state: State, *, settled: bool) -> None:
    """Refuse to retry or settle anything but a failure that is still open."""
    if state is not State.FAILED:
        raise NotFailed(f"当前状态：{state.label}。")
    if settled:
        raise AlreadySettled()
