"""Timers as rows: set and cancelled with the state they belong to, fired as commands, never lost and never twice."""

from shared.timers.scheduler import DueTimer, Scheduler, TimerHandler

__all__ = ["DueTimer", "Scheduler", "TimerHandler"]
