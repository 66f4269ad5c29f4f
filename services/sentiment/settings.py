"""Settings of the sentiment service."""

from datetime import timedelta

from pydantic import Field

from services.sentiment.incidents.rules import Moment, StartPolicy
from shared.service.settings import ServiceSettings


class SentimentSettings(ServiceSettings):
    """`due_soon_hours`: how long before a step's due time its reminder goes out; shorter than the shortest limit.

    `emergency_starts` and `other_starts` name the moment from which the hours count, which no text settles.
    """

    service: str = "sentiment"
    due_soon_hours: float = Field(default=1.0, gt=0, lt=5)
    emergency_starts: Moment = Moment.OCCURRED_AT
    other_starts: Moment = Moment.DETECTED_AT

    @property
    def start_policy(self) -> StartPolicy:
        return StartPolicy(self.emergency_starts, self.other_starts)

    @property
    def remind_before(self) -> timedelta:
        return timedelta(hours=self.due_soon_hours)
