"""Who is told: for each role, those who hold it at the agency, or at the nearest agency above that has such a person.

Invariant: a role that nobody holds is reported, never silently left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.errors import Category, DomainError


@dataclass(frozen=True)
class Candidate:
    """A registered recipient: `person` is the same for one person who holds several roles."""

    id: UUID
    agency_id: UUID
    role: str
    person: str
    subject: str | None


class RecipientExists(DomainError):
    """This address already has this role at this agency."""

    code = "recipient_exists"
    title = "该机构已有相同角色和邮箱的接收人"
    category = Category.CONFLICT


def choose(
    roles: Sequence[str], candidates: Iterable[Candidate], chain: Sequence[UUID]
) -> tuple[list[Candidate], list[str]]:
    """Return the people to tell, each once, and the roles that nobody holds. `chain`: nearest agency first."""
    known = list(candidates)
    chosen: dict[str, Candidate] = {}
    missing: list[str] = []
    for role in roles:
        holders: list[Candidate] = []
        for agency in chain:
            holders = [c for c in known if c.role == role and c.agency_id == agency]
            if holders:
                break
        else:
            missing.append(role)
        for holder in holders:
            chosen.setdefault(holder.person, holder)
    return list(chosen.values()), missing
