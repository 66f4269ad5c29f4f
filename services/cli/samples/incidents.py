"""Incidents of public opinion at different stages."""

from datetime import datetime, timedelta

from services.cli.office import REQUESTS, SENTIMENT, Record
from services.cli.samples.people import Office

INCIDENTS = (
    ("工业园区气体异味", "extremely_serious", 7, ()),
    ("山区公路塌方", "serious", 3, ("release",)),
    ("学校食堂食品质量质疑", "not_emergency", 20, ()),
    ("小区供水浑浊", "general", 30, ("response",)),
)


def load(office: Office) -> None:
    """Register the incidents that are missing, with the steps that were done an hour after they began."""
    there = {each["title"] for each in office.clerk.get(f"{SENTIMENT}/incidents", limit=100)["items"]}
    now = datetime.fromisoformat(office.citizen.get(f"{REQUESTS}/today")["now"])
    for title, level, hours_ago, done in INCIDENTS:
        if title not in there:
            _register(office, title, level, now - timedelta(hours=hours_ago), done)


def _register(office: Office, title: str, level: str, began: datetime, done: tuple[str, ...]) -> None:
    body = {
        "agency_id": office.agency_id,
        "title": title,
        "summary": f"网民关注{title}，询问原因和处置情况。",
        "source": "网络舆情监测",
        "level": level,
        "occurred_at": began.isoformat(),
        "detected_at": began.isoformat(),
    }
    created = office.clerk.create(f"{SENTIMENT}/incidents", body).body
    record = Record(f"{SENTIMENT}/incidents/{created['id']}")
    for kind in done:
        record.act(
            office.clerk,
            "responses",
            kind=kind,
            responded_at=(began + timedelta(hours=1)).isoformat(),
            outlet="区政府门户网站",
            summary="已发布情况说明。",
        )
