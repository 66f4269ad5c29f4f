"""What a unit of work does to timers: collected, of each timer the last word, and written with everything else.

A dead timer's row is gone and its letter waits for a person. Who cancels or sets that timer anew has decided about the
letter too: it is closed in the same transaction, or a replay would bring back what the command took away. So of one
(subject, kind) there is an open timer or an open letter, never both.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.db.batch import Batch
from shared.db.ids import uuid7
from shared.db.spine import timers

MOVED = """
    ON CONFLICT (subject, kind) WHERE fired_at IS NULL DO UPDATE SET due_at = excluded.due_at,
        payload = excluded.payload, attempts = 0, retry_at = NULL, error = NULL,
        scheduled_at = CASE timers.due_at WHEN excluded.due_at THEN timers.scheduled_at ELSE excluded.scheduled_at END
"""
SET_ALL = f"""
    INSERT INTO timers (id, subject, kind, due_at)
    SELECT gen_random_uuid(), subject, kind, due_at FROM unnest($1::uuid[]) AS subject,
        unnest($2::text[], $3::timestamptz[]) AS moment(kind, due_at) {MOVED}
"""
STALE = "DELETE FROM timers WHERE subject = ANY($1::uuid[]) AND fired_at IS NULL"
STALE_KINDS = f"{STALE} AND kind = ANY($2::text[])"
WITHDRAW = """
    UPDATE dead_letters SET decided_at = clock_timestamp(), decision = 'withdrawn', decided_by = {1}::text
     WHERE kind = 'timer' AND decided_at IS NULL
"""
WITHDRAW_KINDS = f"{WITHDRAW} AND key = ANY({{0}}::text[])"
WITHDRAW_ALL = f"{WITHDRAW} AND split_part(key, '/', 1) = ANY({{0}}::text[])"

OfMany = tuple[dict[UUID, None], dict[str, datetime]]
"""Subjects, in the order given, and when each kind of theirs is due."""
Fetch = Callable[..., Awaitable[list[Any]]]


def letter_key(subject: UUID, kind: str) -> str:
    """Return the key of a dead timer's letter."""
    return f"{subject}/{kind}"


class TimerChanges:
    """Collects until `write`. What is set comes after what is cancelled; a single timer after those set for many."""

    def __init__(self) -> None:
        self._set: dict[UUID, dict[str, dict[str, Any]]] = {}
        self._set_for_many: list[OfMany] = []
        self._cancelled: dict[tuple[str, ...], list[UUID]] = {}

    def schedule(self, subject: UUID, kind: str, due_at: datetime, payload: Mapping[str, Any] | None) -> None:
        self._set.setdefault(subject, {})[kind] = {
            "id": uuid7(),
            "subject": subject,
            "kind": kind,
            "due_at": due_at,
            "payload": json.dumps(payload, ensure_ascii=False, default=str) if payload else "{}",
        }

    def schedule_all(self, subjects: Sequence[UUID], moments: Mapping[str, datetime]) -> None:
        if not subjects or not moments:
            return
        for subject in subjects if self._set else ():
            self._unset(subject, tuple(moments))
        self._set_for_many.append((dict.fromkeys(subjects), dict(moments)))

    def cancel(self, subject: UUID, kinds: tuple[str, ...]) -> None:
        self._cancelled.setdefault(kinds, []).append(subject)
        self._unset(subject, kinds)
        if any(subject in subjects for subjects, _ in self._set_for_many):
            self._unset_of_many(subject, kinds)

    def touch(self, subject: UUID, kind: str) -> bool:
        """Whether the timer has been set or cancelled here and is not written yet."""
        return (
            kind in self._set.get(subject, ())
            or any(subject in subjects and kind in moments for subjects, moments in self._set_for_many)
            or any(subject in subjects and (not kinds or kind in kinds) for kinds, subjects in self._cancelled.items())
        )

    async def write(self, fetch: Fetch, batch: Batch, service: str) -> None:
        """Write and forget: cancellations and sets for many by `fetch`, the rest as parts of the batch to be sent."""
        decided_by = f"系统（{service}）"
        subjects = self._cancelled.get((), [])
        if keys := self._keys(but={*batch.ids(), *subjects}):
            batch.also(WITHDRAW_KINDS, keys, decided_by)
        if subjects:
            batch.also(WITHDRAW_ALL, [str(subject) for subject in subjects], decided_by)
        for kinds, subjects in self._cancelled.items():
            await (fetch(STALE_KINDS, subjects, kinds) if kinds else fetch(STALE, subjects))
        for of_these, moments in self._set_for_many:
            await fetch(SET_ALL, list(of_these), list(moments), list(moments.values()))
        batch.insert(timers, [row for kinds in self._set.values() for row in kinds.values()], MOVED)
        self._set, self._set_for_many, self._cancelled = {}, [], {}

    def _unset(self, subject: UUID, kinds: tuple[str, ...]) -> None:
        collected = self._set.get(subject, {})
        for kind in kinds or tuple(collected):
            collected.pop(kind, None)

    def _unset_of_many(self, subject: UUID, kinds: tuple[str, ...]) -> None:
        """Take one subject out; what it keeps of a set stays in its place, since later sets may move it."""
        left: list[OfMany] = []
        for subjects, moments in self._set_for_many:
            if subject in subjects:
                del subjects[subject]
                kept = {kind: at for kind, at in moments.items() if kinds and kind not in kinds}
                left += [({subject: None}, kept)] if kept else []
            left += [(subjects, moments)] if subjects else []
        self._set_for_many = left

    def _keys(self, but: set[UUID]) -> list[str]:
        """Return the keys of the letters that the timers touched by name may have.

        Without those of some subjects: a new one has none, and of one whose timers are all cancelled all are closed.
        """
        keys = {letter_key(subject, kind) for subject in self._set.keys() - but for kind in self._set[subject]}
        for subjects, moments in self._set_for_many:
            keys |= {letter_key(subject, kind) for subject in subjects.keys() - but for kind in moments}
        for named, of_these in self._cancelled.items():
            keys |= {letter_key(subject, kind) for subject in of_these for kind in named}
        return list(keys)
