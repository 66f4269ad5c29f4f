"""What counts as a mail address here: plain ASCII, as mail servers everywhere accept it."""

import re

_LOCAL = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
MAIL_PATTERN = rf"^{_LOCAL}@(?:{_LABEL}\.)*{_LABEL}$"
MAX_MAIL_CHARACTERS = 254

_MAIL = re.compile(MAIL_PATTERN)


def is_address(mail: str) -> bool:
    """Say whether `mail` can be written to; it never holds a space, a line break or a second address."""
    return len(mail) <= MAX_MAIL_CHARACTERS and _MAIL.fullmatch(mail) is not None
