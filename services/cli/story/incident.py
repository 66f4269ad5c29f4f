"""Chapter 5: an incident that began hours ago; its clocks run through the night, and the overdue one is escalated."""

from datetime import datetime, timedelta
from typing import Any

from services.cli.office import REQUESTS, SENTIMENT, Record
from services.cli.story.cast import Cast
from services.cli.story.narrator import moment
from services.cli.story.notices import told


def incident(cast: Cast) -> None:
    """特别重大: 5 h for the release, 24 h for the press conference; the release is late and says so."""
    story = cast.narrator
    story.chapter("突发舆情：5小时与24小时")
    now = datetime.fromisoformat(cast.citizen.get(f"{REQUESTS}/today")["now"])
    began = now - timedelta(hours=6)
    body = {
        "agency_id": cast.office_id,
        "title": "辖区化工仓库起火",
        "summary": "多名网民发布视频，询问伤亡和空气质量。",
        "source": "网络舆情监测",
        "level": "extremely_serious",
        "occurred_at": began.isoformat(),
        "detected_at": (began + timedelta(minutes=20)).isoformat(),
    }
    created = cast.clerk.create(f"{SENTIMENT}/incidents", body).body
    record = Record(f"{SENTIMENT}/incidents/{created['id']}")
    release, press = (_clock(created, step) for step in ("release", "press"))
    story.check("发布权威信息的时限", _hours(began, release), 5.0)
    story.check("新闻发布会的时限", _hours(began, press), 24.0)
    story.tell(
        f"特别重大舆情，{moment(began)}发生：应于{moment(release['due_at'])}前发布权威信息（{release['citation']}），"
        f"{moment(press['due_at'])}前举行新闻发布会（{press['citation']}）；夜间和节假日照常计时。"
    )
    told(cast, created["id"], "incident.escalated", channel="mail")
    told(cast, created["id"], "incident.escalated", channel="inbox")
    escalated = story.eventually(
        "逾期未发布已升级", lambda: _clock(record.read(cast.clerk).body, "release")["escalated_at"]
    )
    story.tell(f"5小时已过仍未发布，{moment(escalated)}升级并告知督查。")
    now = cast.citizen.get(f"{REQUESTS}/today")["now"]
    for kind in ("release", "press"):
        record.act(
            cast.clerk,
            "responses",
            kind=kind,
            responded_at=now,
            outlet="区政府门户网站",
            summary="通报火情已控制，疏散群众，无人员伤亡。",
        )
    after = record.read(cast.clerk).body
    story.check("迟到的发布", _clock(after, "release")["in_time"], False)
    story.check("按时的发布会", _clock(after, "press")["in_time"], True)
    story.tell("发布补上并如实记为超时；新闻发布会按时举行。")


def _clock(body: dict[str, Any], step: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in body["clocks"] if each["step"] == step)
    return found


def _hours(began: datetime, clock: dict[str, Any]) -> float:
    return (datetime.fromisoformat(clock["due_at"]) - began).total_seconds() / 3600
