"""Settings of the catalog service."""

from pydantic import Field, field_validator

from services.catalog.documents.publication import Publishing
from services.catalog.obligations.generation import Ahead
from shared.service.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    """`index_number_pattern` makes the 索引号 from `code`, `year` and `serial`.

    Reminders go out `due_soon_working_days` before a due day; dated instances exist `obligation_horizon_days` ahead.
    Search ranks at most `search_candidates` titles and as many bodies. The feed's sealer looks every
    `feed_seal_seconds`.
    """

    service: str = "catalog"
    index_number_pattern: str = "{code}/{year}-{serial:05d}"
    due_soon_working_days: int = Field(default=3, ge=1, le=20)
    obligation_horizon_days: int = Field(default=92, ge=1, le=730)
    search_candidates: int = Field(default=200, ge=10, le=10_000)
    feed_seal_seconds: float = Field(default=0.5, gt=0)
    site_name: str = "兰台政务公开平台"
    site_domain: str = "localhost"
    site_id_code: str = "0000000000"

    @field_validator("index_number_pattern")
    @classmethod
    def names_a_serial(cls, pattern: str) -> str:
        """Two documents of one agency and year must never get the same number."""
        try:
            first, second = (pattern.format(code="A", year=2026, serial=serial) for serial in (1, 2))
        except (KeyError, IndexError, AttributeError):
            raise ValueError("the pattern is made of {code}, {year} and {serial}") from None
        if first == second:
            raise ValueError("the pattern must contain {serial}")
        return pattern

    @property
    def publishing(self) -> Publishing:
        """What publication needs to know."""
        return Publishing(self.base_url.rstrip("/"), self.index_number_pattern, self.due_soon_working_days)

    @property
    def ahead(self) -> Ahead:
        """What the generation of dated instances needs to know."""
        return Ahead(self.obligation_horizon_days, self.due_soon_working_days)
