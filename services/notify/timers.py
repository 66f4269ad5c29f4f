"""This service sets no timers: a mail's next attempt is a column of its own row."""

from collections.abc import Mapping

from services.notify.settings import NotifySettings
from shared.service.definition import TimerHandler
from shared.service.deps import Deps


def timers(_deps: Deps[NotifySettings]) -> Mapping[str, TimerHandler]:
    """Return no handlers."""
    return {}
