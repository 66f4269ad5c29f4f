"""Optimistic locking over HTTP: reads give `ETag`, changes demand `If-Match` (428 without, 412 when stale)."""

from typing import Annotated

from fastapi import Depends, Header, Response

# `W/` is accepted because a compressing gateway weakens the tags it passes on
VERSION_TAG = r'^(?:W/)?"[0-9]{1,9}"$'


def etag(version: int) -> str:
    """Return the entity tag of a row's version."""
    return f'"{version}"'


def set_etag(response: Response, version: int) -> None:
    """Put a row's version on the answer."""
    response.headers["ETag"] = etag(version)


async def if_match(
    tag: Annotated[
        str,
        Header(alias="If-Match", pattern=VERSION_TAG, description="所依据版本的 ETag", examples=['"3"']),
    ],
) -> int:
    """Return the version the caller has seen."""
    return int(tag.removeprefix("W/").strip('"'))


IfMatch = Annotated[int, Depends(if_match)]
