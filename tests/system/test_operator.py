"""What an operator does on the command line, against a running system with its sample data."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from shared.db.direct import dsn
from shared.db.embedded import EmbeddedPostgres
from shared.db.urls import with_database
from shared.http.client import outside_client
from tests.kit.background import Background
from tests.kit.lantai import COMMAND, OWN, UpProcess, directory, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
OFFICE = "11610113YL0000002C"
TOPMOST = "11500114YL0000001W"
NOTICE = """
year = 2027
[[version]]
notice = "国办发明电〔2026〕99号"
title = "国务院办公厅关于2027年部分节假日安排的通知（试验）"
issued = 2026-11-10
holidays = [
  { name = "元旦", from = 2027-01-01, to = 2027-01-03 },
  { name = "春节", from = 2027-02-05, to = 2027-02-12 },
  { name = "清明节", from = 2027-04-03, to = 2027-04-05 },
  { name = "劳动节", from = 2027-05-01, to = 2027-05-05 },
  { name = "端午节", from = 2027-06-09, to = 2027-06-09 },
  { name = "中秋节", from = 2027-09-15, to = 2027-09-15 },
  { name = "国庆节", from = 2027-10-01, to = 2027-10-07 },
]
make_up_days = [2027-02-14, 2027-02-20]
"""


@pytest.fixture(scope="module")
def system() -> Iterator[dict[str, str]]:
    """The environment of an operator of a running system."""
    with directory() as parent:
        up = UpProcess(parent / "var")
        yield {"LANTAI_VAR": str(parent / "var"), "LANTAI_BASE_URL": up.url}
        up.end()


async def change(var: str, statement: str) -> None:
    """Do what only somebody with the database's own password can do."""
    admin = await asyncpg.connect(dsn(with_database(EmbeddedPostgres(Path(var)).url(), "lantai_requests")))
    try:
        await admin.execute(statement)
    finally:
        await admin.close()


def test_every_link_and_every_sample_case_of_the_start_page_leads_somewhere(system: dict[str, str]) -> None:
    with outside_client(system["LANTAI_BASE_URL"]) as http:
        page = http.get("/").text
        links = re.findall(r'href="(/[^"]*)"', page)
        assert {"/status", "/mailbox", "/metrics", "/api/notify/docs"} <= set(links)
        assert {link: http.get(link).status_code for link in links} == dict.fromkeys(links, 200)
        cases = re.findall(r'name="receipt_number" value="([^"]+)">\s*<input [^>]*name="code" value="([^"]+)"', page)
        assert len(cases) >= 5
        for number, code in cases:
            shown = http.post("/status", data={"receipt_number": number, "code": code})
            assert shown.status_code == 200 and number in shown.text
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', page), "something would be fetched from elsewhere"


def test_a_notice_is_shown_then_asked_for_then_published(system: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "2027.toml"
    file.write_text(NOTICE)
    command = ["calendar", "import", str(file), "--agency", TOPMOST]
    asked = run(*command, environment=system)
    assert asked.returncode == 1 and "publish it?" in asked.stdout
    assert "2027-02-14: weekend -> make_up_day" in asked.stdout
    assert re.search(r"open cases that are dated anew: \d+ of \d+ \(.*\), and \d+ elsewhere", asked.stdout)
    with outside_client(system["LANTAI_BASE_URL"]) as http:
        assert http.get("/api/catalog/v1/calendar-notices?year=2027").json()["items"] == [], "nobody said yes"
        done = run(*command, "--yes", environment=system)
        assert done.returncode == 0 and "version 1 published" in done.stdout, done.stderr
        assert len(http.get("/api/catalog/v1/calendar-notices?year=2027").json()["items"]) == 1
    short = tmp_path / "short.toml"
    lines = [line for line in NOTICE.splitlines() if "国庆节" not in line]
    short.write_text("\n".join(lines).replace("99号", "100号"))
    half = run("calendar", "import", str(short), "--agency", TOPMOST, "--yes", environment=system)
    assert half.returncode == 1 and "leaves out 国庆节" in half.stderr and "published" not in half.stdout
    office = ["calendar", "import", str(short), "--agency", OFFICE, "--yes"]
    nobody = run(*office, environment=system)
    assert nobody.returncode == 1 and "forbidden" in nobody.stderr and nobody.stdout == "", "rights before anything"
    again = run(*command, "--yes", environment=system)
    assert again.returncode == 1 and "notice_unchanged" in again.stderr


def test_the_rules_of_an_agency_name_what_it_set_itself(system: dict[str, str]) -> None:
    token = run("token", "--agency", OFFICE, "--role", "admin", environment=system).stdout.strip()
    with outside_client(system["LANTAI_BASE_URL"]) as http:
        agency = http.get("/api/catalog/v1/agencies", params={"code": OFFICE}).json()["items"][0]
        value = {
            "agency_id": agency["id"],
            "rule_id": "pub.limit",
            "value": 2,
            "since": "2026-12-01",
            "citation": "本机关政务公开制度第三条",
            "reason": "承诺加快公开。",
        }
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "local-value-1"}
        assert http.post("/api/catalog/v1/local-values", json=value, headers=headers).status_code == 201
    shown = run("clock", "rules", "--service", "catalog", "--agency", OFFICE, environment=system)
    (line,) = [line for line in shown.stdout.splitlines() if "承诺加快公开。" in line]
    assert "2 wd" in line and agency["name"] in line and "本机关政务公开制度第三条" in line
    packaged = run("clock", "rules", "--service", "catalog")
    assert packaged.returncode == 0 and "承诺加快公开。" not in packaged.stdout


def test_a_notice_that_contradicts_itself_is_refused(system: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "2027.toml"
    file.write_text(NOTICE.replace("2027-02-14,", "2027-02-17,"))
    refused = run("calendar", "import", str(file), "--agency", OFFICE, environment=system)
    assert refused.returncode == 1 and refused.stderr.startswith("lantai: ") and "2027" in refused.stderr


def test_a_reader_that_has_gone_is_no_trouble_of_the_database(system: dict[str, str]) -> None:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([COMMAND, "clock", "offset"], text=True, env=OWN | system, **pipes) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""


def test_a_token_is_for_an_agency_that_exists(system: dict[str, str]) -> None:
    token = run("token", "--agency", OFFICE, "--role", "supervisor", environment=system)
    assert token.returncode == 0 and token.stdout.count(".") == 2
    nobody = run("token", "--agency", "00000000000000000X", environment=system)
    assert nobody.returncode == 1 and nobody.stderr.startswith("lantai: ")


def test_nothing_waits_among_the_dead_letters(system: dict[str, str]) -> None:
    for service in ("catalog", "requests", "sentiment", "notify"):
        listed = run("dead-letters", "list", service, environment=system)
        assert (listed.returncode, listed.stdout) == (0, ""), listed.stdout
    missing = run("dead-letters", "replay", "requests", "0191d000-0000-7000-8000-000000000001", environment=system)
    assert missing.returncode == 1 and "`lantai dead-letters list requests --all` names them" in missing.stderr
    missing = run("parked-keys", "retry", "requests", "0191d000-0000-7000-8000-000000000001", environment=system)
    assert missing.returncode == 1 and "see `lantai parked-keys list requests`" in missing.stderr


def test_documents_are_printed_without_a_server() -> None:
    for service in ("catalog", "requests", "sentiment", "notify"):
        printed = run("openapi", service)
        assert printed.returncode == 0 and json.loads(printed.stdout)["openapi"].startswith("3.1"), printed.stderr
    events = run("asyncapi")
    assert events.returncode == 0 and json.loads(events.stdout)["asyncapi"].startswith("3.")


def test_the_seed_again_adds_nothing(system: dict[str, str]) -> None:
    with outside_client(system["LANTAI_BASE_URL"]) as http:
        numbers = [http.get("/metrics").text.split("\nlantai_applications_open{")[1].split("\n")[0]]
        assert run("seed", environment=system, seconds=120).returncode == 0
        numbers.append(http.get("/metrics").text.split("\nlantai_applications_open{")[1].split("\n")[0])
    assert numbers[0] == numbers[1]


def test_the_audit_trail_tells_who_was_changed(system: dict[str, str], background: Background) -> None:
    before = run("audit", "verify", "requests", environment=system)
    assert before.returncode == 0 and "sealed and intact" in before.stdout, before.stdout
    victim = "(SELECT entry_id FROM audit_seals ORDER BY position OFFSET 3 LIMIT 1)"
    background.run(change(system["LANTAI_VAR"], f"UPDATE audit_entries SET actor_name = '别人' WHERE id = {victim}"))
    after = run("audit", "verify", environment=system)
    assert after.returncode == 1
    assert "requests: broken at 4, entry " in after.stdout and "catalog: " in after.stdout
    assert "requests" in after.stderr and "catalog" not in after.stderr
