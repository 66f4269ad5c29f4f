"""Routes of templates."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from services.notify.recipients.queries import chain
from services.notify.templates import commands, queries
from services.notify.templates.packaged import packaged
from services.notify.templates.rules import TemplateRefused, UnknownTemplate
from services.notify.templates.schemas import (
    Preview,
    TemplateDetail,
    TemplateInput,
    TemplateList,
    TemplateVersionBody,
    template_body,
    template_detail,
)
from shared.auth import Role, Staff
from shared.auth.scope import require
from shared.http.idempotency import Idempotent
from shared.http.problems import responses
from shared.http.sessions import Read

router = APIRouter(prefix="/templates", tags=["通知模板"])

TemplateId = Annotated[str, Path(pattern=r"^[a-z_.]{1,100}$", examples=["application.registered.applicant"])]
Agency = Annotated[UUID, Query(description="查看适用于该机构的文本")]


@router.get("", summary="模板列表")
async def list_templates(principal: Staff, session: Read, agency_id: Agency) -> TemplateList:
    """List the texts that speak for an agency (any member of its staff)."""
    await require(session, principal, Role, agency_id)
    found = await queries.effective(session, packaged().values(), await chain(session, agency_id))
    return TemplateList(items=[template_body(template) for template in found])


@router.get("/{template_id}", summary="模板", responses=responses(404, examples={404: (UnknownTemplate,)}))
async def get_template(template_id: TemplateId, principal: Staff, session: Read, agency_id: Agency) -> TemplateDetail:
    """Show a text with its edited versions."""
    await require(session, principal, Role, agency_id)
    agencies = await chain(session, agency_id)
    [found] = await queries.effective(session, [queries.known_template(template_id)], agencies)
    return template_detail(found, await queries.history(session, template_id, agencies))


@router.post(
    "/{template_id}/versions",
    status_code=201,
    response_model=TemplateVersionBody,
    summary="保存模板新版本",
    responses=responses(404, 422, examples={404: (UnknownTemplate,), 422: (TemplateRefused,)}),
)
async def edit_template(template_id: TemplateId, body: TemplateInput, principal: Staff, once: Idempotent) -> Response:
    """Save a new version for an agency and those below it (admin); it is checked first."""
    row = await commands.edit(once.uow, principal, template_id, body.agency_id, body.subject, body.body)
    await once.uow.flush()
    return await once.answer(201, TemplateVersionBody.model_validate(row))


@router.post(
    "/{template_id}/preview",
    summary="预览模板",
    responses=responses(404, 422, examples={404: (UnknownTemplate,), 422: (TemplateRefused,)}),
)
async def preview_template(template_id: TemplateId, body: TemplateInput, principal: Staff, session: Read) -> Preview:
    """Check a text and show how it reads, without saving it (admin)."""
    await require(session, principal, commands.EDITORS, body.agency_id)
    subject, text = commands.check_text(queries.known_template(template_id), body.subject, body.body)
    return Preview(subject=subject, body=text)
