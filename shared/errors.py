"""Errors of the domain: a stable code, a Chinese title and a category, which HTTP turns into a status."""

from enum import StrEnum
from typing import Any, ClassVar


class Category(StrEnum):
    """What kind of refusal it is, independent of any transport."""

    BAD_REQUEST = "bad_request"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    INVALID_STATE = "invalid_state"
    GONE = "gone"
    PRECONDITION = "precondition"
    PRECONDITION_REQUIRED = "precondition_required"
    TOO_LARGE = "too_large"
    UNPROCESSABLE = "unprocessable"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"


class DomainError(Exception):
    """A refusal that a person can act on.

    Subclasses set `code` (stable, English), `title` (Chinese, shown to people) and `category`.
    `detail` says in Chinese what to do; `extra` travels in the problem body.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    category: ClassVar[Category]

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.extra = extra


class VersionMismatch(DomainError):
    """The caller's `If-Match` names an older version of the row."""

    code = "version_mismatch"
    title = "数据已被他人更新"
    category = Category.PRECONDITION


class NotFound(DomainError):
    """No such thing, or none that this caller may see."""

    code = "not_found"
    title = "未找到"
    category = Category.NOT_FOUND
