"""Events that the law does not allow. Each says which event of the history it was and what stood against it."""

from shared.errors import Category, DomainError


class IllegalEvent(DomainError):
    """An event cannot follow the history before it; `position` is its place in the list (0 is the first)."""

    category = Category.INVALID_STATE

    def __init__(self, detail: str = "", position: int | None = None) -> None:
        super().__init__(detail, **({} if position is None else {"position": position}))


class OutOfOrder(IllegalEvent):
    code = "out_of_order"
    title = "日期先后颠倒"


class AfterClose(IllegalEvent):
    code = "after_close"
    title = "申请已经办结"


class AlreadyWaiting(IllegalEvent):
    code = "already_waiting"
    title = "已在等待补正或者缴费"


class SecondNotice(IllegalEvent):
    code = "second_notice"
    title = "同一通知只能发一次"


class CorrectionNoticeLate(IllegalEvent):
    code = "correction_notice_late"
    title = "补正告知超过期限"


class FeeNotInForce(IllegalEvent):
    code = "fee_not_in_force"
    title = "信息处理费规定不适用"


class FeeNoticeAfterExpiry(IllegalEvent):
    code = "fee_notice_after_expiry"
    title = "收费通知超过答复期限"


class NotAwaited(IllegalEvent):
    code = "not_awaited"
    title = "没有相应的通知"


class DuplicateConsultation(IllegalEvent):
    code = "duplicate_consultation"
    title = "征求意见编号重复"


class DeliveredBeforeSent(IllegalEvent):
    code = "delivered_before_sent"
    title = "送达早于发出"


class UnknownConsultation(IllegalEvent):
    code = "unknown_consultation"
    title = "没有进行中的该次征求意见"


class ExtensionWhileWaiting(IllegalEvent):
    code = "extension_while_waiting"
    title = "等待补正或者缴费时不能延长"


class ExtensionOverCap(IllegalEvent):
    code = "extension_over_cap"
    title = "延长超过上限"


class ExtensionAfterExpiry(IllegalEvent):
    code = "extension_after_expiry"
    title = "期限届满后不能延长"
