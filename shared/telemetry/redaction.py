"""Keeps personal data and secrets out of the logs, whatever somebody passes to a logger.

Two nets: fields with a telling name are dropped whole, and texts are searched for what looks like an identity number,
a telephone number, a mail address or a token. Over-redaction is accepted, a leak is not; ids (UUID) stay readable.
"""

import re
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

HIDDEN = "[已隐去]"

SENSITIVE_NAMES = frozenset(
    {
        "access_code",
        "access_token",
        "address",
        "api_key",
        "applicant_name",
        "authorization",
        "contact",
        "contacts",
        "cookie",
        "email",
        "id_number",
        "id_token",
        "mail",
        "mobile",
        "passwd",
        "password",
        "phone",
        "private_key",
        "recipient_address",
        "secret",
        "secret_code",
        "set_cookie",
        "signature",
        "telephone",
        "to_address",
        "token",
    }
)

_UUID = r"(?P<uuid>(?<![0-9A-Za-z])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9A-Za-z]))"
_TRACE = r"(?P<trace>(?<![0-9A-Za-z])00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?![0-9A-Za-z]))"
_TOKEN = r"(?:[Bb]earer\s+[A-Za-z0-9._~+/=-]+|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*)"
_SECRET = r"(?:whsec_[A-Za-z0-9+/=]+|(?<=://)[^/\s:@]+:[^/\s@]+(?=@))"
_MAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_ID_NUMBER = r"(?<!\d)[1-9]\d{5}(?:[ -]?(?:18|19|20)\d{2}[ -]?)(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])[ -]?\d{3}[\dXx](?!\d)"
_OLD_ID_NUMBER = r"(?<!\d)[1-9]\d{7}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}(?!\d)"
_MOBILE = r"(?<!\d)(?:\+?86[ -]?|0086[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)"
_LANDLINE = r"(?<![\d-])0\d{2,3}-\d{7,8}(?![\d-])"
_DETAIL = r"DETAIL:[^\n]+"  # PostgreSQL quotes the offending row or key there
_PATTERN = re.compile(
    "|".join((_DETAIL, _UUID, _TRACE, _TOKEN, _SECRET, _MAIL, _ID_NUMBER, _OLD_ID_NUMBER, _MOBILE, _LANDLINE))
)


# Without one of these no part of the pattern above can fit; most of what is logged ends here.
_HINT = re.compile(r"\d(?:[ -]?\d){6}|@|eyJ|earer|whsec_|DETAIL:")
_OWN_FIELDS = frozenset({"timestamp", "level", "trace_id"})  # written by the logging chain itself


def redact_text(text: str) -> str:
    """Hide what looks like personal data or a secret in `text`."""
    if _HINT.search(text) is None:
        return text
    return _PATTERN.sub(lambda match: match[0] if match["uuid"] or match["trace"] else HIDDEN, text)


def redact(value: Any) -> Any:
    """Hide personal data anywhere in a log value; containers are copied, other objects are searched as text."""
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return HIDDEN if redact_text(str(value)) != str(value) else value
    if isinstance(value, Mapping):
        return {redact_text(str(k)): HIDDEN if _is_sensitive(str(k)) else redact(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    return redact_text(str(value))


def redaction_processor(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Redact a whole structlog event, exception text included; runs right before rendering."""
    for name, value in event.items():
        if name in _OWN_FIELDS or name.startswith("_"):
            continue
        event[name] = HIDDEN if _is_sensitive(name) else redact(value)
    return event


@lru_cache(maxsize=1024)
def _is_sensitive(name: str) -> bool:
    return name.lower().replace("-", "_") in SENSITIVE_NAMES
