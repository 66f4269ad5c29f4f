"""Addresses as a setting holds them: what is none is refused when the settings are read, not where it is first used."""

import re
from ipaddress import IPv6Address

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

_BROKER = re.compile(r"(?P<host>\[[^\]]+\]|[^\s:/@\[\]]+)(:(?P<port>[0-9]{1,5}))?")


def check_postgres(text: str) -> None:
    """Raise ValueError unless this names a PostgreSQL server or database; the text may hold a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.get_backend_name() not in ("postgresql", "postgres") or not _is_port(url.port):
        raise ValueError("is no address of a PostgreSQL server: write it as postgresql://user:password@host:5432")


def check_brokers(text: str) -> None:
    """Raise ValueError unless this is `host:port[,host:port...]`, as Kafka's clients take it."""
    for part in text.split(","):
        if not _names_broker(part.strip()):
            raise ValueError(
                f"{part.strip()!r} is no address of a broker: write host:9092, several with commas between"
            )


def _names_broker(part: str) -> bool:
    if found := _BROKER.fullmatch(part):
        return _is_port(found["port"])
    try:
        IPv6Address(part)
    except ValueError:
        return False
    return True


def _is_port(port: str | int | None) -> bool:
    return port is None or 0 < int(port) < 65_536
