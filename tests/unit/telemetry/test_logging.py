"""Every line is JSON with its service, request and trace, and goes through redaction, also from other libraries."""

import asyncio
import io
import logging
from collections.abc import Iterator

import pytest
import stamina
import structlog

from shared.telemetry import correlation, trace
from tests.kit.logs import lines, logged


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    with logged("requests") as stream:
        yield stream


def test_a_line_names_service_request_and_trace(output: io.StringIO) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with correlation.request("order-4711"), trace.use(traceparent):
        structlog.get_logger().info("accepted", n=3)
    (line,) = lines(output)
    assert line["event"] == "accepted"
    assert line["service"] == "requests"
    assert line["request_id"] == "order-4711"
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def test_exception_text_is_redacted(output: io.StringIO) -> None:
    try:
        raise ValueError("330106199001011234")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "330106199001011234" not in output.getvalue()
    assert "ValueError" in lines(output)[0]["exception"]


def test_lines_of_other_libraries_are_redacted_and_structured(output: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("client %s sent %s", "a@b.cn", "13812345678")
    (line,) = lines(output)
    assert line["service"] == "requests"
    assert line["level"] == "warning"
    assert "13812345678" not in line["event"]
    assert "a@b.cn" not in line["event"]


def test_what_is_tried_again_is_not_told_with_its_arguments(output: io.StringIO) -> None:
    """A letter, or a link that is its reader's secret, is no word for a log."""

    @stamina.retry(on=OSError, attempts=3, wait_initial=0, wait_jitter=0)
    def record(letter: str) -> None:
        raise OSError("the database is away")

    stamina.set_testing(False)
    with pytest.raises(OSError, match="away"):
        record("http://localhost/subscriptions?s=SECRET")
    assert "SECRET" not in output.getvalue()


def test_access_lines_of_the_server_with_their_paths_are_off(output: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").info("GET /status?code=ab12")
    assert output.getvalue() == ""


def test_the_kafka_clients_complaints_are_told_once_a_minute(output: io.StringIO) -> None:
    """A hundred a second while the broker is away, yet only there stands why."""
    for port in range(50):
        logging.getLogger("aiokafka").error("Unable connect to %s", port)
        logging.getLogger("aiokafka.conn").error("Authentication failed")
        logging.getLogger("uvicorn.error").error("another")
    told = [line["event"] for line in lines(output)]
    assert [told.count(event) for event in ("Unable connect to 0", "Authentication failed", "another")] == [1, 1, 50]
    assert len(told) == 52


def test_a_harmful_request_id_is_replaced() -> None:
    for proposed in (None, "", "short", "x" * 65, 'a"b\ninjected', "中文中文中文中文"):
        with correlation.request(proposed) as request_id:
            assert request_id != proposed
            assert correlation.current_request_id() == request_id
    assert correlation.current_request_id() is None


async def test_a_line_of_a_process_of_several_services_names_the_one_at_work(output: io.StringIO) -> None:
    async def task() -> None:
        structlog.get_logger().info("sealed")

    with correlation.service("catalog"):
        begun = asyncio.create_task(task())
    structlog.get_logger().info("listening")
    await begun
    assert [line["service"] for line in lines(output)] == ["requests", "catalog"]
