"""Loads the sample data: agencies, obligations and documents of five plans of 2017. Loading it again adds nothing.

Every id is derived from a stable key, and each agency's part is a transaction of its own, so a load that was
interrupted goes on where it stopped.
"""

import csv
import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from services.catalog.agencies.commands import add_agency
from services.catalog.agencies.models import Agency
from services.catalog.agencies.rules import AgencyData, AgencyKind, AgencyLevel
from services.catalog.documents.commands import Content
from services.catalog.documents.imported import PublicDocument, import_document
from services.catalog.documents.models import Document
from services.catalog.documents.publication import Publishing
from services.catalog.obligations.commands import NewObligation, add_obligation
from services.catalog.obligations.generation import Ahead
from services.catalog.obligations.models import Obligation
from services.catalog.obligations.rules import Cadence, MonthDay
from services.catalog.settings import CatalogSettings
from shared.db.engine import Database
from shared.db.uow import Actor
from shared.events.catalog import DisclosureAttribute
from shared.statutes import Unit

HERE = Path(__file__).parent
MADE_AT_MS = 1_767_225_600_000  # 2026-01-01, the time in every sample id
SEEDER = Actor("system", "sample", "样例数据")


@dataclass(frozen=True)
class Loaded:
    """How many of each were added."""

    agencies: int
    obligations: int
    documents: int


def _sample_id(key: str) -> UUID:
    """A UUIDv7 as everywhere, with a fixed time and the key's digest in place of chance."""
    digest = int.from_bytes(hashlib.sha256(f"lantai sample {key}".encode()).digest()[:10], "big")
    return UUID(int=(MADE_AT_MS << 80) | (0x7 << 76) | (digest & ((1 << 76) - 1) & ~(0x3 << 62)) | (0x2 << 62))


def agency_id(code: str) -> UUID:
    """The id of a sample agency."""
    return _sample_id(f"agency:{code}")


def document_id(key: str) -> UUID:
    """The id of a sample document: 000 to 004."""
    return _sample_id(f"document:{key}")


async def load(db: Database, settings: CatalogSettings) -> Loaded:
    """Add what is missing."""
    return Loaded(
        agencies=await load_agencies(db),
        obligations=await _load_obligations(db, settings.ahead),
        documents=await _load_documents(db, settings.publishing),
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (HERE / name).open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


async def load_agencies(db: Database) -> int:
    """Add the agencies that are missing, superiors first."""
    added = 0
    for row in _rows("agencies.csv"):
        data = AgencyData(
            name=row["name"],
            parent_id=agency_id(row["parent_code"]) if row["parent_code"] else None,
            level=AgencyLevel(row["level"]),
            kind=AgencyKind(row["kind"]),
            locality=row["locality"],
            active=True,
        )
        async with db.write(SEEDER) as uow:
            if await uow.session.get(Agency, agency_id(row["code"])) is None:
                await add_agency(uow, agency_id(row["code"]), row["code"], data)
                added += 1
    return added


async def _load_obligations(db: Database, ahead: Ahead) -> int:
    added = 0
    for row in _rows("obligations.csv"):
        identity = _sample_id(f"obligation:{row['key']}")
        async with db.write(SEEDER) as uow:
            if await uow.session.get(Obligation, identity) is None:
                obligation = _obligation(row, starts_on=uow.today.replace(day=1))
                await add_obligation(uow, agency_id(row["agency_code"]), obligation, ahead, identity)
                added += 1
    return added


def _obligation(row: dict[str, str], starts_on: date) -> NewObligation:
    """The plans of 2017 still bind nobody to the past: instances begin with the month in which they are loaded."""
    season = (MonthDay.parse(row["season_from"]), MonthDay.parse(row["season_to"])) if row["season_from"] else None
    return NewObligation(
        key=row["key"],
        title=row["title"],
        quote=row["quote"],
        plan=row["plan"],
        citation=row["citation"],
        cadence=Cadence(row["cadence"]),
        starts_on=starts_on,
        every_days=int(row["every_days"]) if row["every_days"] else None,
        due_by=MonthDay.parse(row["due_by"]) if row["due_by"] else None,
        once_on=date.fromisoformat(row["once_on"]) if row["once_on"] else None,
        season=season,
        limit_number=int(row["limit_number"]) if row["limit_number"] else None,
        limit_unit=Unit(row["limit_unit"]) if row["limit_unit"] else None,
    )


async def _load_documents(db: Database, publishing: Publishing) -> int:
    added = 0
    listed: list[dict[str, Any]] = tomllib.loads((HERE / "documents.toml").read_text(encoding="utf-8"))["document"]
    for entry in listed:
        async with db.write(SEEDER) as uow:
            if await uow.session.get(Document, document_id(entry["key"])) is None:
                owner = agency_id(entry["agency_code"])
                await import_document(uow, document_id(entry["key"]), owner, _public_document(entry), publishing)
                added += 1
    return added


def _public_document(entry: dict[str, Any]) -> PublicDocument:
    return PublicDocument(
        content=Content(
            title=entry["title"],
            body=(HERE / "documents" / entry["file"]).read_text(encoding="utf-8"),
            attribute=DisclosureAttribute.PROACTIVE,
            document_number=entry.get("document_number"),
            content_source=entry.get("content_source"),
        ),
        index_number=entry.get("index_number"),
        formed_on=entry.get("formed_on"),
        printed_on=entry.get("printed_on"),
        published_on=entry.get("published_on"),
        published_at=entry.get("published_at"),
    )
