"""Reads of templates: the packaged ones, and what agencies made of them."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select

from services.notify.templates.models import TemplateVersion
from services.notify.templates.packaged import packaged
from services.notify.templates.rules import Template, UnknownTemplate, nearest
from shared.db.sessions import AnySession


def known_template(template_id: str) -> Template:
    """Return a packaged template; raises UnknownTemplate."""
    template = packaged().get(template_id)
    if template is None:
        raise UnknownTemplate(f"可用的模板见模板列表：{template_id} 不在其中。")
    return template


async def effective(session: AnySession, wanted: Iterable[Template], chain: Sequence[UUID]) -> list[Template]:
    """Return the texts that speak for the first agency of the chain, in one statement."""
    templates = list(wanted)
    edited = TemplateVersion
    query = select(edited).where(
        edited.template_id.in_([template.id for template in templates]), edited.agency_id.in_(list(chain))
    )
    rows = list((await session.execute(query)).scalars())
    return [
        nearest(
            template,
            [(row.agency_id, row.version, row.subject, row.body) for row in rows if row.template_id == template.id],
            chain,
        )
        for template in templates
    ]


async def history(session: AnySession, template_id: str, chain: Sequence[UUID]) -> list[TemplateVersion]:
    """Return the edited versions that could speak for the first agency of the chain, the newest first."""
    query = select(TemplateVersion).where(
        TemplateVersion.template_id == template_id, TemplateVersion.agency_id.in_(list(chain))
    )
    return list((await session.execute(query.order_by(TemplateVersion.id.desc()))).scalars())
