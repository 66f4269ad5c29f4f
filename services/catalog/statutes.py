"""The rule rows this service applies, read once from `statutes.toml`."""

from functools import cache
from pathlib import Path

from shared.statutes import RuleSet

FILE = Path(__file__).parent / "statutes.toml"


@cache
def rule_set() -> RuleSet:
    """The packaged rows, checked."""
    return RuleSet.load(FILE)
