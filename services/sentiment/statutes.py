"""The rule rows of this service, read once."""

from functools import cache
from pathlib import Path

from shared.statutes import RuleSet


@cache
def rule_set() -> RuleSet:
    """Return the checked rows of `statutes.toml`."""
    return RuleSet.load(Path(__file__).parent / "statutes.toml")
