"""Primary keys: UUIDv7, made by the application, so that ids sort by the time they were made."""

from uuid_utils.compat import uuid7

__all__ = ["uuid7"]
