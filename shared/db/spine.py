"""The tables that every service's database has: outbox, inbox, timers, audit, idempotency, clock.

They are Core tables on one metadata; each service's migrations create them through `spine_migrations`.
A service never writes them itself: the unit of work does. What the house itself wants in every database (its replicas)
stands on the same metadata, in a module of its own.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)

from shared.db.base import UtcDateTime, metadata

spine = metadata()

outbox = Table(
    "outbox",
    spine,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, server_default=text("clock_timestamp()")),
    Column("published_at", UtcDateTime),
    Index("ix_outbox_unpublished", "id", postgresql_where=text("published_at IS NULL")),
)

inbox = Table(
    "inbox",
    spine,
    Column("event_id", Uuid, primary_key=True),
    Column("type", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False, server_default=text("clock_timestamp()")),
)

parked_keys = Table(
    "parked_keys",
    spine,
    Column("topic", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("retry_at", UtcDateTime),
    Column("error", Text, nullable=False),
    Column("parked_at", UtcDateTime, nullable=False, server_default=text("clock_timestamp()")),
    Index("ix_parked_keys_retry_at", "retry_at"),
)

parked_events = Table(
    "parked_events",
    spine,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("parked_at", UtcDateTime, nullable=False, server_default=text("clock_timestamp()")),
    Index("ix_parked_events_key", "topic", "key", "id"),
)

dead_letters = Table(
    "dead_letters",
    spine,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("agency_id", Uuid),
    Column("event_id", Uuid),
    Column("topic", Text),
    Column("key", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("died_at", UtcDateTime, nullable=False, server_default=text("clock_timestamp()")),
    Column("decided_at", UtcDateTime),
    Column("decision", Text),
    Column("decided_by", Text),
    Index("ix_dead_letters_open", "id", postgresql_where=text("decided_at IS NULL")),
    Index("ix_dead_letters_timer", "key", postgresql_where=text("kind = 'timer' AND decided_at IS NULL")),
)

timers = Table(
    "timers",
    spine,
    Column("id", Uuid, primary_key=True),
    Column("subject", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("payload", Text, nullable=False, server_default=text("'{}'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("retry_at", UtcDateTime),
    Column("error", Text),
    Column("scheduled_at", UtcDateTime, nullable=False, server_default=text("clock_timestamp()")),
    Column("fired_at", UtcDateTime),
    Index("ix_timers_due", "due_at", postgresql_where=text("fired_at IS NULL")),
    Index("uq_timers_open", "subject", "kind", unique=True, postgresql_where=text("fired_at IS NULL")),
)

audit_entries = Table(
    "audit_entries",
    spine,
    Column("id", Uuid, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Uuid, nullable=False),
    Column("agency_id", Uuid, nullable=False),
    Column("details", Text, nullable=False),
    Index("ix_audit_entries_subject", "subject", "id"),
)

audit_seals = Table(
    "audit_seals",
    spine,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", Uuid, nullable=False, unique=True),
    Column("hash", LargeBinary, nullable=False),
    Column("sealed_at", UtcDateTime, nullable=False, server_default=text("clock_timestamp()")),
)

idempotency_keys = Table(
    "idempotency_keys",
    spine,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_hash", LargeBinary, nullable=False),
    Column("status", Integer),
    Column("answer", Text),
    Column("created_at", UtcDateTime, nullable=False, server_default=text("clock_timestamp()")),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

clock_offset = Table(
    "clock_offset",
    spine,
    Column("only", Boolean, primary_key=True, server_default=text("true")),
    Column("seconds", BigInteger, nullable=False),
)
