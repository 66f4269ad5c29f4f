"""The replicas' tables, in every service's database: the agency tree, the notices, and which releases packaged which.

They stand on the spine's metadata, so that the same migrations create them. Each service's `tables.py` names this
module: without that a database would come without them.
"""

from sqlalchemy import Boolean, Column, Date, Index, Integer, Table, Text, Uuid

from shared.db.base import UtcDateTime
from shared.db.spine import spine

agency_replica = Table(
    "agency_replica",
    spine,
    Column("id", Uuid, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("parent_id", Uuid),
    Column("level", Text, nullable=False),
    Column("locality", Text),
    Column("active", Boolean, nullable=False),
    Index("ix_agency_replica_parent_id", "parent_id"),
)

calendar_replica = Table(
    "calendar_replica",
    spine,
    Column("id", Uuid, primary_key=True),
    Column("year", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("notice_number", Text, nullable=False),
    Column("notice_date", Date),
    Column("holidays", Text, nullable=False),
    Column("make_up_days", Text, nullable=False),
    Column("effective_from", UtcDateTime, nullable=False),
    Column("local_agency_id", Uuid),
    Column("title", Text),
    Column("earlier_papers", Text),
    Index("ix_calendar_replica_year", "year", "version"),
)

calendar_releases = Table(
    "calendar_releases",
    spine,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("papers", Text, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)
