"""Every relative link in our Markdown leads to a file that is there."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
BEYOND = {".venv", ".cache", "var", "node_modules", ".git", "build"}


def pages() -> list[Path]:
    found = (path for path in REPOSITORY.rglob("*.md") if not BEYOND & set(path.relative_to(REPOSITORY).parts))
    return sorted(found)


def broken(page: Path) -> list[str]:
    return [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]


def test_every_link_leads_somewhere() -> None:
    assert len(pages()) > 20
    assert {str(page.relative_to(REPOSITORY)): broken(page) for page in pages() if broken(page)} == {}


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("see [this](missing.md), [that](page.md) and [there](https://example.cn/x)")
    assert broken(page) == ["missing.md"]


def test_decisions_are_numbered_once_and_without_holes() -> None:
    numbers = sorted(int(path.name[:4]) for path in (REPOSITORY / "docs" / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
