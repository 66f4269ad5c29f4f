"""What can be wrong with a document, as a person is told it."""

from shared.errors import Category, DomainError


class WrongState(DomainError):
    code = "document_state"
    title = "公文当前状态不允许此操作"
    category = Category.CONFLICT


class NotEditable(DomainError):
    code = "document_not_editable"
    title = "仅草稿和已退文的公文可以修改"
    category = Category.CONFLICT


class AttributeUndecided(DomainError):
    """80号（一）: the office may return it for this."""

    code = "disclosure_attribute_missing"
    title = "尚未标明公开属性"
    category = Category.CONFLICT


class ReasonMissing(DomainError):
    """80号（一）: the office may return it for this."""

    code = "non_disclosure_reason_missing"
    title = "尚未依法依规说明不公开理由"
    category = Category.CONFLICT


class ReturnReasonUnfounded(DomainError):
    code = "return_reason_unfounded"
    title = "退文理由与公文情况不符"
    category = Category.CONFLICT


class ReviewIncomplete(DomainError):
    code = "secrecy_review_incomplete"
    title = "保密审查须逐项给出结论"
    category = Category.UNPROCESSABLE


class ReviewNoteMissing(DomainError):
    code = "secrecy_review_note_missing"
    title = "有疑点的审查项须写明情况"
    category = Category.UNPROCESSABLE


class SamePerson(DomainError):
    code = "same_person"
    title = "拟稿、审查、签发不得由同一人完成"
    category = Category.FORBIDDEN


class DateImplausible(DomainError):
    code = "date_implausible"
    title = "日期不合理"
    category = Category.UNPROCESSABLE


class NotPubliclyDisclosable(DomainError):
    code = "not_publicly_disclosable"
    title = "该公文不属于主动公开，不能发布"
    category = Category.CONFLICT


class DocumentNumberTaken(DomainError):
    code = "document_number_taken"
    title = "该机关已有同一文号的公文"
    category = Category.CONFLICT


class CorrectionDecided(DomainError):
    code = "correction_already_decided"
    title = "该更正已有处理结果"
    category = Category.CONFLICT


class CorrectionPending(DomainError):
    code = "correction_pending"
    title = "该公文已有待处理的更正"
    category = Category.CONFLICT


class DocumentWithdrawnFromPublic(DomainError):
    """It was public and is no longer: 410, so that a reader drops its copy."""

    code = "document_withdrawn"
    title = "该公文已撤回"
    category = Category.GONE
