"""Rules of the agency tree: codes, levels, and no agency below itself.

A code is never refused for its check digit: real codes fail it (an official plan prints one), so it only warns.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.errors import Category, DomainError

CODE = re.compile(r"[0-9A-Z][0-9A-Z-]{4,29}")
_GB32100 = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_GB32100_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_GB11714 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_GB11714_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


class AgencyLevel(StrEnum):
    """Administrative level 行政层级."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"


class AgencyKind(StrEnum):
    """What the agency is within its level."""

    GOVERNMENT = "government"  # 人民政府、管委会
    OFFICE = "office"  # 办公厅（室）
    DEPARTMENT = "department"  # 工作部门


class InvalidAgencyCode(DomainError):
    code = "invalid_agency_code"
    title = "机构代码格式有误"
    category = Category.UNPROCESSABLE


class AgencyCodeTaken(DomainError):
    code = "agency_code_taken"
    title = "机构代码已被使用"
    category = Category.CONFLICT


class AgencyTreeLoop(DomainError):
    code = "agency_tree_loop"
    title = "上级机关不能是本机关或其下级"
    category = Category.CONFLICT


class ParentInactive(DomainError):
    code = "parent_agency_inactive"
    title = "上级机关已撤销"
    category = Category.CONFLICT


@dataclass(frozen=True)
class AgencyData:
    """What may change in an agency. Its id never does; its code does not either."""

    name: str
    parent_id: UUID | None
    level: AgencyLevel
    kind: AgencyKind
    locality: str | None
    active: bool


def check_code(code: str) -> str:
    """Return the code if it is 5–30 digits, capitals and hyphens; raises InvalidAgencyCode."""
    if not CODE.fullmatch(code):
        raise InvalidAgencyCode("机构代码为 5 至 30 位大写字母、数字或连字符。")
    return code


def code_warning(code: str) -> str | None:
    """Say in Chinese that a check digit does not fit (GB 32100, GB 11714); None when it fits or none is defined."""
    bare = code.replace("-", "")
    if len(bare) == 18:
        expected = _check_gb32100(bare)
    elif len(bare) == 9:
        expected = _check_gb11714(bare)
    else:
        return None
    if expected is None or expected == bare[-1]:
        return None
    return f"校验位应为 {expected}，代码中为 {bare[-1]}，请核对；系统已按原样保存。"


def _check_gb32100(code: str) -> str | None:
    try:
        total = sum(_GB32100.index(c) * w for c, w in zip(code[:17], _GB32100_WEIGHTS, strict=True))
    except ValueError:
        return None
    return _GB32100[(31 - total % 31) % 31]


def _check_gb11714(code: str) -> str | None:
    remainder = 11 - sum(_GB11714.index(c) * w for c, w in zip(code[:8], _GB11714_WEIGHTS, strict=True)) % 11
    return {10: "X", 11: "0"}.get(remainder, str(remainder))


def check_parent(agency_id: UUID, parent_id: UUID | None, ancestors: Sequence[UUID], *, parent_active: bool) -> None:
    """`ancestors` of the parent, nearest first; raises AgencyTreeLoop or ParentInactive."""
    if parent_id is None:
        return
    if parent_id == agency_id or agency_id in ancestors:
        raise AgencyTreeLoop
    if not parent_active:
        raise ParentInactive
