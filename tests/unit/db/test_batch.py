"""One statement of everything collected: its shape depends on one row or more, never on how many more."""

from datetime import UTC, datetime

import pytest

from shared.db.batch import MANY_ROWS, Batch
from shared.db.ids import uuid7
from shared.db.spine import audit_entries, timers

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def timer(kind: str, due_at: datetime = NOW) -> dict[str, object]:
    return {"id": uuid7(), "subject": uuid7(), "kind": kind, "due_at": due_at}


def test_nothing_collected_is_no_statement() -> None:
    batch = Batch()
    batch.insert(timers, [])
    assert batch.taken() is None


def test_what_was_taken_is_not_taken_again() -> None:
    batch = Batch()
    batch.insert(timers, [timer("due")])
    assert batch.taken() is not None
    assert batch.taken() is None


def test_one_row_travels_as_values_and_more_as_arrays() -> None:
    taken = []
    for count in (1, 2, 3):
        batch = Batch()
        batch.insert(timers, [timer(f"kind {n}") for n in range(count)])
        taken.append(batch.taken() or ("", []))
    (first, values), (second, arrays), (third, _) = taken
    assert values[2] == "kind 0"
    assert arrays[2] == ["kind 0", "kind 1"]
    assert first != second == third


def test_of_many_rows_a_column_with_one_value_travels_once() -> None:
    batch = Batch()
    batch.insert(timers, [timer(f"kind {n}") for n in range(MANY_ROWS)])
    batch.also("UPDATE inbox SET type = {0}", "new")
    sql, values = batch.taken() or ("", [])
    assert (len(values[0]), values[2][-1], values[3:]) == (MANY_ROWS, f"kind {MANY_ROWS - 1}", [NOW, "new"])
    assert sql.count("[]") == 3 and "$4::" in sql and "$5" in sql


def test_values_of_every_part_are_numbered_on() -> None:
    batch = Batch()
    batch.insert(timers, [timer("due")])
    batch.also("UPDATE inbox SET type = {1} WHERE type = {0}", "old", "new")
    sql, values = batch.taken() or ("", [])
    assert sql.endswith("UPDATE inbox SET type = $6 WHERE type = $5")
    assert values[4:] == ["old", "new"]


def test_rows_of_one_table_with_other_columns_are_a_part_of_their_own() -> None:
    batch = Batch()
    batch.insert(timers, [timer("due")])
    batch.insert(timers, [timer("late") | {"payload": "{}"}])
    sql, values = batch.taken() or ("", [])
    assert sql.count('INSERT INTO "timers"') == 2
    assert len(values) == 4 + 5


@pytest.mark.parametrize("rows", [1, 2])
def test_a_naive_datetime_is_refused(rows: int) -> None:
    batch = Batch()
    naive = datetime(2026, 1, 1)  # noqa: DTZ001  (the refusal is what is tested)
    batch.insert(timers, [timer("due", naive) for _ in range(rows)])
    batch.insert(audit_entries, [])
    with pytest.raises(ValueError, match="naive datetime refused"):
        batch.taken()
