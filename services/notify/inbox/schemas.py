"""HTTP bodies of 站内信."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from shared.http.bodies import Output


class Message(Output):
    """A message to the caller."""

    id: UUID
    about: UUID = Field(description="事项编号（申请、文件、舆情的 id）")
    event_type: str
    subject: str
    body: str
    created_at: datetime
    read_at: datetime | None


class Unread(Output):
    """How many messages wait."""

    unread: int
