"""Editing a text: a new version, checked before it can be used."""

from uuid import UUID

from sqlalchemy import func, select

from services.notify.templates.models import TemplateVersion
from services.notify.templates.packaged import known
from services.notify.templates.queries import known_template
from services.notify.templates.render import check, render
from services.notify.templates.rules import Template, TemplateRefused
from shared.auth import Principal, Role
from shared.auth.scope import require
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.replicas import agencies

EDITORS = (Role.ADMIN,)
VERSION_LOCK = 0x1A27A1_7E3


async def edit(
    uow: UnitOfWork, principal: Principal, template_id: str, agency_id: UUID, subject: str, body: str
) -> TemplateVersion:
    """Save a new version of a template for an agency and those below it; raises TemplateRefused."""
    template = known_template(template_id)
    await agencies.get(uow.session, agency_id)
    await require(uow.session, principal, EDITORS, agency_id)
    check_text(template, subject, body)
    await uow.session.execute(select(func.pg_advisory_xact_lock(VERSION_LOCK)))
    newest = select(func.max(TemplateVersion.version)).where(
        TemplateVersion.template_id == template_id, TemplateVersion.agency_id == agency_id
    )
    row = TemplateVersion(
        id=uuid7(),
        agency_id=agency_id,
        template_id=template_id,
        version=((await uow.session.execute(newest)).scalar() or 0) + 1,
        subject=subject,
        body=body,
        created_at=uow.now,
        created_by=principal.subject,
    )
    uow.session.add(row)
    details = {"template": template_id, "version": row.version}
    uow.audit("template.edited", subject=row.id, agency_id=agency_id, details=details)
    return row


def check_text(template: Template, subject: str, body: str) -> tuple[str, str]:
    """Refuse a text that cannot be used; return how it reads with each fact replaced by its own name."""
    names = known(template)
    for text in (subject, body):
        check(text, names)
    sample = Template(template.id, template.event, template.audience, template.roles, subject, body)
    shown = render(sample, {name: f"〔{name}〕" for name in names})
    if not shown[0] or not shown[1].strip():
        raise TemplateRefused("标题和正文不能为空。")
    return shown
