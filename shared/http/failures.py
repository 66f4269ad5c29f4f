"""What a caller is told when something broke that no domain error foresaw.

The database being away is 503 at once (with `Retry-After`), a lost race on a unique key 409, a text that PostgreSQL
cannot hold 422. Anything else is our fault: logged with its trace under the request's id, answered with a bare 500.
"""

from collections.abc import Iterator

import structlog
from fastapi import Response
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.errors import Category, DomainError
from shared.http.problems import of_domain, of_status, problem
from shared.telemetry.reasons import in_words

DATABASE_AWAY = ("08", "57P01", "57P02", "57P03", "53")  # connection lost, shutting down, starting up, no room
BUSY = ("40001", "40P01", "55P03", "57014")  # lost a race, deadlock, lock or statement timed out
UNIQUE_VIOLATION = "23505"
DATA_EXCEPTION = "22"  # a value that no column can hold: NUL in a text, a number out of range

log = structlog.get_logger()


class DatabaseUnavailable(DomainError):
    """The database does not answer."""

    code = "database_unavailable"
    title = "数据库暂时不可用，请稍后重试"
    category = Category.UNAVAILABLE


def answer_failure(error: Exception, method: str) -> Response:
    """Return the problem for an exception that nobody handled, and log it."""
    for cause in _chain(error):
        if isinstance(cause, DBAPIError):
            return _database_error(cause, method)
        if isinstance(cause, PoolTimeout) or (isinstance(cause, OSError) and _came_through_sqlalchemy(cause)):
            return _away(cause)
    log.error("unexpected_error", exc_info=error)
    return of_status(500, "请稍后重试；如仍出现，请将请求编号告知管理员。")


def _database_error(error: DBAPIError, method: str) -> Response:
    state = sqlstate(error)
    if error.connection_invalidated or state.startswith(DATABASE_AWAY):
        return _away(error)
    if state in BUSY:
        log.warning("database_busy", sqlstate=state)
        return problem(503, "busy", "系统繁忙，请稍后重试", headers={"Retry-After": "1"})
    if state == UNIQUE_VIOLATION:
        log.warning("unique_violation", exc_info=error.orig)
        return problem(409, "already_exists", "相同的记录已存在")
    if state.startswith(DATA_EXCEPTION):
        if method in ("GET", "HEAD", "DELETE"):
            return problem(400, "invalid_parameters", "请求参数不正确")
        return problem(422, "validation_failed", "提交的内容不符合要求", "含有无法保存的字符或超出范围的数值。")
    if not state and isinstance(error, InterfaceError | OperationalError):
        return _away(error)
    log.error("unexpected_error", exc_info=error)
    return of_status(500, "请稍后重试；如仍出现，请将请求编号告知管理员。")


def sqlstate(error: DBAPIError) -> str:
    """Return PostgreSQL's five-character code, or nothing when the error arose before it could answer."""
    return str(getattr(error.orig, "sqlstate", None) or "")


def _away(error: Exception) -> Response:
    log.warning("database_unavailable", error=in_words(error, type(error).__name__))
    return of_domain(DatabaseUnavailable())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _came_through_sqlalchemy(error: BaseException) -> bool:
    """A refused connection is a bare OSError; only its way tells it from one of a file or another socket."""
    trace = error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).startswith("sqlalchemy."):
            return True
        trace = trace.tb_next
    return False
