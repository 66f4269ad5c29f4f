"""One statement of everything collected: its shape depends on how many rows only while they are few."""

from datetime import UTC, datetime

import pytest

from shared.db.batch import FEW_ROWS, MANY_ROWS, Batch
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


def test_few_rows_travel_as_values_and_more_as_arrays() -> None:
    taken = []
    for count in (1, FEW_ROWS, FEW_ROWS + 1, FEW_ROWS + 2):
        batch = Batch()
        batch.insert(timers, [timer(f"kind {n}") for n in range(count)])
        taken.append(batch.taken() or ("", []))
    (one, values), (few, rows), (more, arrays), (still_more, _) = taken
    assert values[2] == "kind 0"
    assert rows[2::4] == [f"kind {n}" for n in range(FEW_ROWS)]
    assert arrays[2] == [f"kind {n}" for n in range(FEW_ROWS + 1)]
    assert "[]" not in one + few and f"(${4 * FEW_ROWS - 3}::" in few
    assert one != few != more == still_more


def test_parts_after_a_few_rows_are_numbered_on() -> None:
    batch = Batch()
    batch.insert(timers, [timer("due"), timer("late")])
    batch.also("UPDATE inbox SET type = {0}", "new")
    sql, values = batch.taken() or ("", [])
    assert sql.endswith("UPDATE inbox SET type = $9") and values[8:] == ["new"]


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


@pytest.mark.parametrize("rows", [1, 2, 10])
def test_a_naive_datetime_is_refused(rows: int) -> None:
    batch = Batch()
    naive = datetime(2026, 1, 1)  # noqa: DTZ001  (the refusal is what is tested)
    batch.insert(timers, [timer("due", naive) for _ in range(rows)])
    batch.insert(audit_entries, [])
    with pytest.raises(ValueError, match="naive datetime refused"):
        batch.taken()
