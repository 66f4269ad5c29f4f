"""HTTP bodies of subscriptions."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from services.notify.channels.addresses import MAIL_PATTERN, MAX_MAIL_CHARACTERS
from shared.http.bodies import Input, Output

Mail = Annotated[str, StringConstraints(max_length=MAX_MAIL_CHARACTERS, pattern=MAIL_PATTERN)]
Token = Annotated[str, StringConstraints(min_length=64, max_length=64, pattern=r"^[0-9a-f]{64}$")]


class SubscriptionInput(Input):
    """Which agency's documents to be told of, at which address."""

    agency_id: UUID = Field(description="机构；包括其下级机构发布的文件")
    mail: Mail = Field(examples=["zhang.san@example.cn"])


class SubscriptionAccepted(Output):
    """The same answer whether or not the address is known."""

    message: str = Field(examples=["如果邮箱有效，您将收到一封确认邮件，请按邮件中的链接确认订阅。"])


class LinkInput(Input):
    """The token from the mail's link."""

    token: Token


class SubscriptionBody(Output):
    """What the owner of a link may know."""

    id: UUID
    agency_id: UUID
    state: str = Field(examples=["active"])
