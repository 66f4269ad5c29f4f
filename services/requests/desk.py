"""What the commands of this service work with besides the unit of work: rule rows, settings, vault."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from services.requests.settings import RequestsSettings
from shared.crypto import Vault
from shared.db.lanes import Lanes
from shared.service.deps import Deps
from shared.statutes import RuleSet


@cache
def packaged_rules() -> RuleSet:
    """Return the rows of `statutes.toml`, checked once."""
    return RuleSet.load(Path(__file__).with_name("statutes.toml"))


@dataclass(frozen=True)
class Desk:
    """Built from the service's parts; commands take it as one argument."""

    settings: RequestsSettings
    rules: RuleSet
    vault: Vault
    intake: Lanes = field(default_factory=Lanes)

    @staticmethod
    def of(deps: Deps[Any]) -> "Desk":
        return Desk(deps.settings, packaged_rules(), deps.vault)
