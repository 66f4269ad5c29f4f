"""What a clerk or a court reads for the clock's words."""

from datetime import date

from services.requests.clock.rules import ClockReading

STATES = {
    "running": "期限进行中",
    "paused": "征求意见中，期限暂不计算",
    "overdue": "已逾期",
    "awaiting_correction": "等待申请人补正",
    "awaiting_fee": "等待申请人缴费",
    "replied": "已按期答复",
    "replied_late": "已答复（逾期）",
    "withdrawn": "申请人已撤回",
    "abandoned": "逾期未补正，视为放弃申请",
}

REASONS = {
    "receipt": "收到当日，不计入",
    "awaiting_correction": "等待补正",
    "awaiting_fee": "等待缴费",
    "restarted": "重新计算，此前不计",
    "weekend": "休息日",
    "holiday": "法定节假日放假",
    "third_party": "征求第三方意见",
    "joint_organ": "征求共同制作机关意见",
    "other_organ": "征求其他机关意见",
    "make_up_day": "调休上班日",
    "working_day": "工作日",
}

DECREES = {"PIR-2007": "国令第492号", "PIR-2019": "国令第711号"}
REGULATIONS = {
    "PIR-2007": "《中华人民共和国政府信息公开条例》（2007年公布）",
    "PIR-2019": "《中华人民共和国政府信息公开条例》（2019年修订）",
}

_WEEKDAYS = "一二三四五六日"


def weekday(day: date) -> str:
    return f"星期{_WEEKDAYS[day.weekday()]}"


def long_date(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def reservations(reading: ClockReading) -> str:
    """What is to be said beside the due day: that it may still move, that a rule behind it is to be confirmed."""
    about = {"暂定": reading.provisional, "所依条文待确认": reading.unconfirmed}
    said = [word for word, applies in about.items() if applies]
    return f"（{'，'.join(said)}）" if said and reading.due_on else ""


def extension(reading: ClockReading) -> str:
    return f"（含延长 {reading.extended} 个）" if reading.extended else ""
