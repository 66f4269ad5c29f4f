"""Rules as data: every number the product applies is a row with its article, its grade and its time in force."""

from shared.calendar import UNCONFIRMED
from shared.statutes.periods import due, due_at, governing, is_provisional
from shared.statutes.rules import Grade, InvalidRules, Rule, RuleSet, Unit, UnknownRule, listed

__all__ = [
    "UNCONFIRMED",
    "Grade",
    "InvalidRules",
    "Rule",
    "RuleSet",
    "Unit",
    "UnknownRule",
    "due",
    "due_at",
    "governing",
    "is_provisional",
    "listed",
]
