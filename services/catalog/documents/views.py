"""Turns rows into the bodies that are shown, and a public document into its page's meta tags."""

from datetime import datetime
from typing import Any

from services.catalog.documents.meta_tags import MetaTags
from services.catalog.documents.models import Document
from services.catalog.documents.publication import Publishing
from services.catalog.documents.queries import View, WorkView
from services.catalog.documents.rules import Ground, ReturnReason, State
from services.catalog.documents.schemas import (
    CorrectionBody,
    DocumentBody,
    DocumentSummary,
    ReviewEntryBody,
    WorkBody,
    WorkSummary,
)
from services.catalog.settings import CatalogSettings
from shared.events.catalog import DisclosureAttribute


def document_summary(view: View, publishing: Publishing) -> DocumentSummary:
    """Show a public document in a list."""
    return DocumentSummary(**_public(view, publishing))


def document_body(view: View, publishing: Publishing) -> DocumentBody:
    """Show a public document wholly."""
    document = view.document
    return DocumentBody(
        **_public(view, publishing),
        body=document.body,
        content_source=document.content_source or view.agency_name,
        published_at=document.published_at,
    )


def meta_tags_of(view: View, publishing: Publishing, settings: CatalogSettings) -> MetaTags:
    """Return the tags of a public document's page."""
    document = view.document
    published_at: datetime | None = document.published_at
    return MetaTags.build(
        site=(settings.site_name, settings.site_domain, settings.site_id_code),
        title=document.title,
        published_at=published_at,
        source=document.content_source or view.agency_name,
        url=publishing.url(document.id),
        description=document.body,
    )


def work_summary(view: View | WorkView) -> WorkSummary:
    """Show a document in the list of those who work on it."""
    return WorkSummary(**_work(view))


def work_body(view: WorkView) -> WorkBody:
    """Show a document with everything known of it."""
    document = view.document
    return WorkBody(
        **_work(view),
        body=document.body,
        ground=Ground(document.ground) if document.ground else None,
        reason=document.reason,
        content_source=document.content_source,
        return_reason=ReturnReason(document.return_reason) if document.return_reason else None,
        return_note=document.return_note,
        withdrawal_reason=document.withdrawal_reason,
        revision=document.revision,
        created_at=document.created_at,
        updated_at=document.updated_at,
        reviews=[ReviewEntryBody.model_validate(entry) for entry in view.reviews],
        corrections=[CorrectionBody.model_validate(row) for row in view.corrections],
    )


def _public(view: View, publishing: Publishing) -> dict[str, Any]:
    document = view.document
    return {
        **_shared(document, view.agency_name),
        "revision": document.revision,
        "url": publishing.url(document.id),
    }


def _work(view: View | WorkView) -> dict[str, Any]:
    document = view.document
    state = State(document.state)
    return {
        **_shared(document, view.agency_name),
        "version": document.version,
        "state": state,
        "state_label": state.label,
        "attribute": DisclosureAttribute(document.attribute) if document.attribute else None,
        "due_on": document.due_on,
        "due_provisional": document.due_provisional,
        "due_citation": document.due_citation,
        "drafter_name": document.drafter_name,
        "origin_application_id": document.origin_application_id,
    }


def _shared(document: Document, agency_name: str) -> dict[str, Any]:
    return {
        "id": document.id,
        "title": document.title,
        "index_number": document.index_number,
        "document_number": document.document_number,
        "agency_id": document.agency_id,
        "agency_name": agency_name,
        "formed_on": document.formed_on,
        "printed_on": document.printed_on,
        "published_on": document.published_on,
    }
