"""Rules of the change feed: what a change is, and when a CMS's acknowledgement proves it.

`sequence` is given by one sealer after the commit, never by the transaction itself: a change that commits late gets a
later number, so a poller who asks for what lies after its cursor misses nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from shared.errors import Category, DomainError


class Change(StrEnum):
    """What happened to a public document."""

    PUBLISHED = "published"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        """The Chinese name that people read."""
        return {"published": "发布", "corrected": "更正", "withdrawn": "撤回"}[self.value]


class Outcome(StrEnum):
    """What a CMS made of a change."""

    TAKEN = "taken"  # 已上网（或已撤下）
    FAILED = "failed"


class ReceiptUrlInvalid(DomainError):
    code = "receipt_url_invalid"
    title = "回执网址有误"
    category = Category.UNPROCESSABLE


class ReceiptTaken(DomainError):
    """This CMS has already answered for this change, differently."""

    code = "receipt_already_recorded"
    title = "该站点对此变更的回执已记录"
    category = Category.CONFLICT


@dataclass(frozen=True)
class Receipt:
    """One CMS's answer for one change."""

    sequence: int
    outcome: Outcome


def check_url(outcome: Outcome, change: Change, url: str | None) -> None:
    """A page that is public has a web address; a withdrawal needs none."""
    if outcome is Outcome.TAKEN and change is not Change.WITHDRAWN and not url:
        raise ReceiptUrlInvalid("请给出页面网址。")
    if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise ReceiptUrlInvalid("网址须以 http:// 或 https:// 开头。")


def proven(newest_sequence: int | None, receipts: list[Receipt]) -> bool:
    """Whether at least one CMS says that it shows the document's newest change."""
    return newest_sequence is not None and any(
        receipt.sequence == newest_sequence and receipt.outcome is Outcome.TAKEN for receipt in receipts
    )
