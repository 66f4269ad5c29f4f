"""Masks for lists and messages: enough to recognise one's own data, too little to use another's."""

STAR = "*"


def mask_id_number(value: str) -> str:
    """`330106199001011234` becomes `330***********1234`; short values vanish wholly."""
    return _keep(value, 3, 4)


def mask_phone(value: str) -> str:
    """`13812345678` becomes `138****5678`; a landline keeps its last two digits."""
    return _keep(value, 3, 4) if len(value) >= 11 else _keep(value, 0, 2)


def mask_email(value: str) -> str:
    """`zhang.san@example.cn` becomes `z***@example.cn`."""
    local, at, domain = value.rpartition("@")
    return f"{local[:1]}{STAR * 3}@{domain}" if at else STAR * 3


def mask_name(value: str) -> str:
    """`欧阳锋` becomes `欧**`: the first character and the length."""
    return value[:1] + STAR * max(len(value) - 1, 1) if value else ""


def _keep(value: str, head: int, tail: int) -> str:
    if len(value) <= head + tail:
        return STAR * len(value)
    return value[:head] + STAR * (len(value) - head - tail) + value[len(value) - tail :]
