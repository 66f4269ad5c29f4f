"""Tells a database in trouble from a statement that is wrong: one is waited out, the other is somebody's fault."""

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.telemetry.reasons import in_words

# Connection exceptions, rolled-back transactions (deadlock, serialization), exhausted resources, shutdown and start-up.
_CLASSES = ("08", "40", "53")
ERROR_CHARACTERS = 2000
_LOCK_NOT_AVAILABLE = "55P03"
_NOT_AS_THE_SCHEMA = "42"
_STATES = ("57P01", "57P02", "57P03", "57P05", "25P03", _LOCK_NOT_AVAILABLE)


def database_trouble(error: BaseException) -> bool:
    """Whether trying again, with nothing changed, may succeed. A statement timeout (57014) is not among them.

    The driver's own timeout is: it is longer than the server's, so it strikes only where the server keeps silent.
    """
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if isinstance(error.orig, OSError):  # a timeout is one
        return True
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return error.connection_invalidated or state.startswith(_CLASSES) or state in _STATES


def transaction_trouble(error: BaseException) -> bool:
    """Whether it was the database that ended a transaction: then a lost connection may be a bare OSError as well.

    Not for what a handler raised, whose OSError may be of a file or another server.
    """
    return database_trouble(error) or isinstance(error, OSError)


def row_is_held(error: BaseException) -> bool:
    """Whether somebody else kept a row for longer than we wait: the trouble of what wants that row, of nothing else."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE


def _words(error: DBAPIError) -> str:
    """Return what PostgreSQL said, without the client's dressing."""
    cause = getattr(error.orig, "__cause__", None) or error.orig
    return next(iter(str(cause).splitlines()), "")


def describe(error: BaseException) -> str:
    """Return what an operator needs to know of an error; of a statement's, not the parameters: they may be personal.

    PostgreSQL's own words are kept where they name things of the schema and no value: a statement that does not fit it.
    """
    if isinstance(error, DBAPIError):
        state = str(getattr(error.orig, "sqlstate", None) or "")
        words = _words(error) if state.startswith(_NOT_AS_THE_SCHEMA) else ""
        return in_words(error, f"{type(error.orig).__name__} {state} {words}".strip())
    told = in_words(error, f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS])
    return told.encode(errors="replace").decode().replace("\0", "\ufffd")  # what a text column can keep
