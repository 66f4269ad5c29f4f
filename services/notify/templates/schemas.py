"""HTTP bodies of templates."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from services.notify.templates.models import TemplateVersion
from services.notify.templates.packaged import known
from services.notify.templates.rules import Audience, Template
from shared.http.bodies import VISIBLE_LINE, Input, Output, Paragraph


class TemplateInput(Input):
    """A new version of a text."""

    agency_id: UUID = Field(description="新版本适用于该机构及其下级机构")
    subject: Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=VISIBLE_LINE)] = Field(
        examples=["政府信息公开申请已登记（{{ receipt_number }}）"]
    )
    body: Paragraph = Field(examples=["您的申请已登记，受理编号为 {{ receipt_number }}。\n\n{{ agency_name }}"])


class TemplateBody(Output):
    """The text that speaks for an agency, and what it may name. `version` 0 is the packaged one."""

    id: str = Field(examples=["application.registered.applicant"])
    event: str
    audience: Audience
    roles: list[str]
    version: int
    subject: str
    body: str
    variables: list[str]


class TemplateList(Output):
    items: list[TemplateBody]


class TemplateVersionBody(Output):
    """One edited version."""

    id: UUID
    template_id: str
    agency_id: UUID
    version: int
    subject: str
    body: str
    created_at: datetime
    created_by: str


class TemplateDetail(TemplateBody):
    """The text in force, and every edited version along the agency's chain, the newest first."""

    history: list[TemplateVersionBody]


class Preview(Output):
    """How the text reads with each fact replaced by its name."""

    subject: str
    body: str


def template_body(template: Template) -> TemplateBody:
    """Show a template."""
    return TemplateBody(
        id=template.id,
        event=template.event,
        audience=template.audience,
        roles=list(template.roles),
        version=template.version,
        subject=template.subject,
        body=template.body,
        variables=sorted(known(template)),
    )


def template_detail(template: Template, history: list[TemplateVersion]) -> TemplateDetail:
    """Show a template with its edited versions."""
    shown = [TemplateVersionBody.model_validate(row) for row in history]
    return TemplateDetail(**template_body(template).model_dump(), history=shown)
