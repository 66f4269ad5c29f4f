"""The plain public page of a document, so that a deployment without a CMS can already show what is public."""

from jinja2 import Environment, PackageLoader, select_autoescape

from services.catalog.documents.meta_tags import MetaTags
from services.catalog.documents.queries import View
from shared.errors import DomainError

_templates = Environment(
    loader=PackageLoader("services.catalog.documents", "templates"), autoescape=select_autoescape(), trim_blocks=True
)


def render(view: View, tags: MetaTags) -> str:
    """Return the HTML of a public document."""
    paragraphs = [line.strip() for line in view.document.body.splitlines() if line.strip()]
    return _templates.get_template("document.html").render(view=view, tags=tags, paragraphs=paragraphs)


def render_absence(absent: DomainError) -> str:
    """Return the HTML that tells a person why there is nothing to read."""
    return _templates.get_template("absence.html").render(absent=absent)
