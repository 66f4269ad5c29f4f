"""People and services as the house knows them. A grant covers its agency and what lies below it."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.db.uow import Actor


class Role(StrEnum):
    """Roles of staff. `admin` administers (agencies, notices, dead letters) and decides no case."""

    CLERK = "clerk"  # 经办
    REVIEWER = "reviewer"  # 审核
    APPROVER = "approver"  # 负责人
    SUPERVISOR = "supervisor"  # 督查
    ADMIN = "admin"  # 管理员

    @property
    def label(self) -> str:
        """The Chinese name that people read."""
        return _LABELS[self]


_LABELS = {
    Role.CLERK: "经办",
    Role.REVIEWER: "审核",
    Role.APPROVER: "负责人",
    Role.SUPERVISOR: "督查",
    Role.ADMIN: "管理员",
}


@dataclass(frozen=True)
class Grant:
    """One role at one agency (and below)."""

    role: Role
    agency_id: UUID


@dataclass(frozen=True)
class Principal:
    """A member of staff, as their token says."""

    subject: str
    name: str
    grants: tuple[Grant, ...]

    @property
    def actor(self) -> Actor:
        return Actor("staff", self.subject, self.name)


@dataclass(frozen=True)
class ServiceCaller:
    """Another service of the house, calling an internal route."""

    service: str

    @property
    def actor(self) -> Actor:
        return Actor.system(self.service)
