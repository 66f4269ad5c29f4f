"""The sample cases that the start page offers: number and code, so that a visitor can follow them at once.

Written by whoever loads sample data, never in production: a code is a secret of its applicant.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class SampleCase:
    """One request as a visitor may look it up: what it shows, its receipt number (受理编号) and code (查询码)."""

    title: str
    receipt_number: str
    code: str


def read(path: Path | None) -> list[SampleCase]:
    """Return the sample cases; none when there is no sample data."""
    if path is None or not path.exists():
        return []
    return [SampleCase(**case) for case in json.loads(path.read_text())]


def write(path: Path, cases: Iterable[SampleCase]) -> None:
    """Replace the list, in one step, so that a reader never sees half of it."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps([asdict(case) for case in cases], ensure_ascii=False, indent=1))
    draft.chmod(0o600)
    draft.replace(path)
