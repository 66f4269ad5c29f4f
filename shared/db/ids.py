"""Primary keys: UUIDv7, made by the application, so that ids sort by the time they were made."""

from uuid import UUID

from uuid_utils import uuid7 as _uuid7


def uuid7() -> UUID:
    """Return a new time-ordered id."""
    return UUID(int=_uuid7().int)
