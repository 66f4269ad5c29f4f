"""What was released is kept, whatever is deleted beside it: each planted break fails with a sentence."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

import shared.events
from shared.events import EVENTS, Event, Topic, ledger
from shared.events.generate import example_of
from shared.events.ledger import LedgerEdited, broken_promises, entries_of, entry_of, unreleased
from shared.events.release import release

RELEASE = "review the change, then run python -m shared.events.release"
TOPIC = Topic("lantai.tests.things", "tests", ("tests",), compacted=True)
KIND = "lantai.tests.thing.changed.v1"


class Changed(Event):
    type: ClassVar[str] = KIND
    topic: ClassVar[Topic] = TOPIC

    title: str
    amount: int


class Added(Changed):
    """One optional field more, which no reader minds."""

    note: str | None = None


class WithoutAmount(Event):
    type: ClassVar[str] = KIND
    topic: ClassVar[Topic] = TOPIC

    title: str


class Moved(Changed):
    topic: ClassVar[Topic] = replace(TOPIC, name="lantai.tests.others")


class NotCompacted(Changed):
    topic: ClassVar[Topic] = replace(TOPIC, compacted=False)


class Repartitioned(Changed):
    topic: ClassVar[Topic] = replace(TOPIC, partitions=12)


EXAMPLE = example_of(Changed)
RELEASED = {KIND: entry_of(Changed, EXAMPLE)}


def test_what_is_published_is_what_was_released() -> None:
    current = entries_of(EVENTS.values())
    assert broken_promises(ledger.read(), current) == []
    assert unreleased(ledger.read(), current) == [], RELEASE


@pytest.mark.parametrize(
    ("current", "sentence"),
    [
        ({}, "it was released and is gone"),
        ({KIND: entry_of(WithoutAmount, EXAMPLE)}, "amount: field removed or renamed"),
        ({KIND: entry_of(Moved, EXAMPLE)}, "topic was released as lantai.tests.things and is now lantai.tests.others"),
        ({KIND: entry_of(NotCompacted, EXAMPLE)}, "compacted was released as True and is now False"),
        ({KIND: entry_of(Repartitioned, EXAMPLE)}, "partitions was released as 6 and is now 12"),
        ({KIND: entry_of(Changed, EXAMPLE | {"key": "another"})}, "key was released as subject and is now unknown"),
        ({KIND: entry_of(Changed, None)}, "its golden example is not the released one"),
    ],
    ids=["type", "field", "topic", "compaction", "partitions", "key", "example"],
)
def test_a_planted_break_is_told_in_a_sentence(current: dict[str, Any], sentence: str) -> None:
    found = broken_promises(RELEASED, current)
    assert any(what.startswith(f"{KIND}: ") and sentence in what for what in found), found


def test_an_optional_field_breaks_nothing_and_waits_for_a_release(tmp_path: Path) -> None:
    current = {KIND: entry_of(Added, EXAMPLE)}
    assert broken_promises(RELEASED, current) == []
    assert unreleased(RELEASED, current) == [f"{KIND}: its schema is not the one in the ledger"]
    assert unreleased({}, current) == [f"{KIND}: it is not in the ledger"]
    assert unreleased(current, current) == []


def test_a_release_adds_and_takes_nothing_away(tmp_path: Path) -> None:
    path = tmp_path / "released.json"
    first, *others = EVENTS.values()
    assert release([first], path) == []
    assert release(EVENTS.values(), path) == []
    whole = path.read_bytes()
    assert ledger.read(path).keys() == EVENTS.keys()
    refused = release(others, path)
    assert refused == [f"{first.type}: it was released and is gone; {ledger.STAYS}"]
    assert path.read_bytes() == whole


@pytest.mark.parametrize("edit", [lambda types: types.popitem(), lambda types: types[KIND].update(compacted=False)])
def test_an_edit_by_hand_is_told(tmp_path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    path = tmp_path / "released.json"
    ledger.write(RELEASED, path)
    assert ledger.read(path) == RELEASED
    edited = json.loads(path.read_text("utf-8"))
    edit(edited["types"])
    path.write_text(json.dumps(edited), "utf-8")
    with pytest.raises(LedgerEdited, match="edited by hand"):
        ledger.read(path)


def test_deleting_what_is_committed_does_not_get_a_break_past_the_generator(tmp_path: Path) -> None:
    folder = tmp_path / "lantai_events"
    shutil.copytree(Path(shared.events.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    kind = "lantai.notify.delivery.failed.v1"
    source = folder / "notify.py"
    source.write_text(re.sub(r"\n    reason: str\n", "\n", source.read_text("utf-8")), "utf-8")
    for made in ("schemas", "examples"):
        (folder / made / f"{kind}.json").unlink()
    command = [sys.executable, "-m", "lantai_events.generate"]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert f"{kind}: reason: field removed or renamed" in refused.stderr.splitlines()
    assert not (folder / "schemas" / f"{kind}.json").exists(), "nothing is written"
