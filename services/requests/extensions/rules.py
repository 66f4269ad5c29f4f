"""延长: who may decide, and what is a decision. The cap and the expiry are the clock's to refuse (Art. 33)."""

from enum import StrEnum

from shared.errors import Category, DomainError


class ExtensionState(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"


class ExtensionPending(DomainError):
    code = "extension_pending"
    title = "已有延长申请等待审批"
    category = Category.CONFLICT


class NoExtensionPending(DomainError):
    code = "no_extension_pending"
    title = "没有等待审批的延长申请"
    category = Category.INVALID_STATE
