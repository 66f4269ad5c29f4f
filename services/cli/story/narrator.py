"""Tells the story: chapters, steps with their dates, and the first thing that is not as told, which ends it."""

import time
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar

import typer

from services.cli.failure import Failed
from services.cli.portal import Refused
from shared.calendar import SHANGHAI

T = TypeVar("T")
WEEKDAYS = "一二三四五六日"


class NotAsTold(Failed):
    """The system did something else than the story says."""


class Narrator:
    """Prints the story as it happens. `patience_seconds` is how long an event may take to arrive."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience = patience_seconds
        self._chapter = 0
        self._step = 0

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapter += 1
        self._step = 0
        typer.echo(f"\n第{self._chapter}章  {title}")

    def tell(self, sentence: str) -> None:
        """Tell one step that has happened."""
        self._step += 1
        typer.echo(f"  {self._chapter}.{self._step:<2} {sentence}")

    def check(self, told: str, found: Any, expected: Any) -> None:
        """Hold what was found against the story; raises NotAsTold."""
        if found != expected:
            raise NotAsTold(f"故事第{self._chapter}章：{told}应为 {expected!r}，实为 {found!r}。")

    def ensure(self, told: str, holds: bool) -> None:
        """Hold a statement to be true; raises NotAsTold."""
        if not holds:
            raise NotAsTold(f"故事第{self._chapter}章：{told}，但事实并非如此。")

    def refused(self, told: str, code: str, attempt: Callable[[], Any]) -> None:
        """Try what must be refused with this problem code; raises NotAsTold."""
        try:
            attempt()
        except Refused as refusal:
            self.check(f"{told}被拒绝的原因", refusal.code, code)
            return
        raise NotAsTold(f"故事第{self._chapter}章：{told}本应被拒绝（{code}），却成功了。")

    def eventually(self, told: str, probe: Callable[[], T | None]) -> T:
        """Return the first answer of `probe` that is not None or False; events need a moment to arrive."""
        limit = time.monotonic() + self._patience
        while True:
            found = probe()
            if found is not None and found is not False:
                return found
            if time.monotonic() > limit:
                raise NotAsTold(f"故事第{self._chapter}章：等待 {self._patience:.0f} 秒后仍未见到“{told}”。")
            time.sleep(0.2)


def day(value: str | date | None) -> str:
    """Return a day as people say it: 2026年11月22日（周日）."""
    if value is None:
        return "（无）"
    found = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{found.year}年{found.month}月{found.day}日（周{WEEKDAYS[found.weekday()]}）"


def moment(value: str | datetime) -> str:
    """Return a moment in Asia/Shanghai: 11月22日16时05分."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    local = found.astimezone(SHANGHAI)
    return f"{local.month}月{local.day}日{local.hour}时{local.minute:02d}分"
