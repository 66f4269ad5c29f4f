"""What a service is to those who start it: its application, its handlers, its background work."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

from shared.bus.dispatch import Handler
from shared.db.sessions import ReadSession
from shared.db.uow import UnitOfWork
from shared.events import Event, Topic
from shared.service.background import Work
from shared.service.deps import Deps
from shared.service.settings import ServiceSettings
from shared.timers import DueTimer

EventHandler = Handler
TimerHandler = Callable[[UnitOfWork, DueTimer], Awaitable[None]]
BackgroundTask = Work
Republish = Callable[[UnitOfWork], Awaitable[None]]


@dataclass(frozen=True)
class Gauge:
    """A number an operator watches; `value` reads it from the database when metrics are scraped.

    Several may share a name, and differ in the values of the same `labels`.
    """

    name: str
    help: str
    value: Callable[[ReadSession], Awaitable[float]]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Definition:
    """One service. `services/<name>/service.py` exposes it as `SERVICE`.

    `create_app` serves HTTP; `consumers`, `timers` and `tasks` run in the worker (a task loops until it is
    cancelled; its name is what an operator reads in `/readyz`). `republish` puts the current state of its compacted
    topics into the outbox once more, for a log that does not hold it.
    """

    name: str
    title: str
    settings: type[ServiceSettings]
    create_app: Callable[[Deps[Any]], FastAPI]
    consumers: Callable[[Deps[Any]], Mapping[type[Event], EventHandler]]
    timers: Callable[[Deps[Any]], Mapping[str, TimerHandler]]
    tasks: Callable[[Deps[Any]], Mapping[str, BackgroundTask]] = lambda deps: {}
    gauges: Sequence[Gauge] = ()
    republish: Mapping[Topic, Republish] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """Under which name its workers read the log together."""
        return f"lantai.{self.name}"
