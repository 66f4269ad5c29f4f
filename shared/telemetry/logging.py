"""Structured logs: one JSON object a line (or plain text for a person), redacted, with the request and the trace.

The standard library's loggers (uvicorn, SQLAlchemy, Alembic) go through the same chain, so nothing bypasses redaction.
Our own lines do not go through the standard library: a request pays for each of its lines.
"""

import logging
import sys
from collections import defaultdict
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import stamina.instrumentation
import structlog
from structlog.typing import Processor

from shared.telemetry.correlation import current_request_id, current_service
from shared.telemetry.lasting import Lasting
from shared.telemetry.redaction import redaction_processor
from shared.telemetry.trace import current_trace_id

QUIET_LOGGERS = ("uvicorn.access", "httpx", "httpcore", "aiokafka", "asyncio", "mail.log")
REPEATING = "aiokafka"  # with the broker away a hundred errors a second; only there stands why, say a wrong password


def configure(service: str, json: bool = True, *, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Set up logging for this process. `service` names the process, in every line that is of no service."""
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_context(service),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(serializer=_to_json)
        if json
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    told: list[Processor] = [structlog.processors.format_exc_info, redaction_processor, renderer]
    # Its own lines hold the arguments of what is tried again: a letter, a link that is a secret. Whoever calls tells.
    stamina.instrumentation.set_on_retry_hooks(())
    output = stream or sys.stderr
    structlog.configure(
        processors=[*shared, *told],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(output),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove_meta, *told]),
    )
    handler.addFilter(_NowAndThen())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


class _NowAndThen(logging.Filter):
    """Lets a library's line through once a minute: the same line of its code is the same trouble."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[tuple[str, int], Lasting] = defaultdict(Lasting)

    def filter(self, record: logging.LogRecord) -> bool:
        ours = record.name.partition(".")[0] != REPEATING
        return ours or self._told[record.pathname, record.lineno].to_be_told()


def _to_json(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _with_context(service: str) -> Processor:
    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("service", current_service() or service)
        request_id = current_request_id()
        if request_id:
            event["request_id"] = request_id
        trace_id = current_trace_id()
        if trace_id:
            event["trace_id"] = trace_id
        return event

    return add
