"""HTTP bodies of agencies."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from services.catalog.agencies.models import Agency
from services.catalog.agencies.rules import CODE, AgencyData, AgencyKind, AgencyLevel, code_warning
from shared.http.bodies import Flag, Input, Line, Output

Code = Annotated[str, StringConstraints(pattern=f"^{CODE.pattern}$")]
Locality = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class AgencyChange(Input):
    """What may change in an agency; its code and id never do."""

    name: Line = Field(examples=["重庆市黔江区财政局"])
    parent_id: UUID | None = Field(default=None, description="上级机关；空为最上级")
    level: AgencyLevel = Field(examples=["county"])
    kind: AgencyKind = Field(examples=["department"])
    locality: Locality | None = Field(
        default=None, description="适用哪个地方的规则；空则随上级", examples=["qianjiang"]
    )
    active: Flag = Field(default=True, description="是否仍存续")

    def data(self) -> AgencyData:
        return AgencyData(self.name, self.parent_id, self.level, self.kind, self.locality, self.active)


class AgencyInput(AgencyChange):
    """A new agency."""

    code: Code = Field(description="机构代码（校验位不符只提示，不拒绝）", examples=["11500114009130039C"])


class AgencyBody(Output):
    """An agency as everybody may read it."""

    id: UUID
    version: int
    code: str
    name: str
    parent_id: UUID | None
    level: AgencyLevel
    kind: AgencyKind
    locality: str | None
    active: bool
    warning: str | None = Field(description="代码校验位提示")


def agency_body(agency: Agency) -> AgencyBody:
    """Show an agency."""
    return AgencyBody(
        id=agency.id,
        version=agency.version,
        code=agency.code,
        name=agency.name,
        parent_id=agency.parent_id,
        level=AgencyLevel(agency.level),
        kind=AgencyKind(agency.kind),
        locality=agency.locality,
        active=agency.active,
        warning=code_warning(agency.code),
    )
