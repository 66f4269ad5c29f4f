"""HTTP bodies of recipients. Addresses come in, only their masks go out."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.notify.recipients.commands import NewRecipient, RecipientChange
from services.notify.subscriptions.schemas import Mail
from shared.auth import Role
from shared.http.bodies import Flag, Input, Line, Output


class RecipientInput(Input):
    """Who is told of what concerns a role at an agency."""

    agency_id: UUID
    role: Role
    name: Line = Field(examples=["王工"])
    mail: Mail = Field(examples=["wang@example.gov.cn"])
    subject: Line | None = Field(default=None, description="登录账号标识（令牌的 sub）；填写后同时收到站内信")

    def command(self) -> NewRecipient:
        return NewRecipient(self.agency_id, self.role, self.name, self.mail, self.subject)


class RecipientChangeInput(Input):
    """The new state; without `mail` the address stays."""

    name: Line
    mail: Mail | None = None
    subject: Line | None = None
    active: Flag = True

    def command(self) -> RecipientChange:
        return RecipientChange(self.name, self.mail, self.subject, self.active)


class RecipientBody(Output):
    """A recipient as lists show it."""

    id: UUID
    version: int
    agency_id: UUID
    role: Role
    name: str
    mail_masked: str = Field(examples=["w***@example.gov.cn"])
    subject: str | None
    active: bool
    created_at: datetime
