"""How facts are said, which text speaks, and what an edited text may contain."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.templates.packaged import known, packaged
from services.notify.templates.render import check, render
from services.notify.templates.rules import (
    MAX_SUBJECT_CHARACTERS,
    WORDS,
    Audience,
    Template,
    TemplateRefused,
    facts,
    nearest,
    one_line,
    say,
)
from shared.events import EVENTS
from shared.events.requests import ApplicationState
from shared.events.sentiment import IncidentLevel

BUREAU, COUNTY, CITY = (UUID(int=n) for n in (1, 2, 3))
PACKAGED = Template("t", "e", Audience.STAFF, ("clerk",), "原标题", "原文")

# every event kind about which people are told
TOLD = [
    *(
        "application." + kind
        for kind in (
            "registered",
            "signed_for",
            "confirmed",
            "correction_requested",
            "corrected",
            "consultation_started",
            "consultation_ended",
            "extended",
            "due_soon",
            "overdue",
            "redated",
            "replied",
            "withdrawn",
            "abandoned",
            "document_published",
        )
    ),
    *("document." + kind for kind in ("published", "corrected", "withdrawn", "due_soon", "overdue", "redated")),
    *("obligation." + kind for kind in ("due_soon", "overdue", "redated")),
    *("incident." + kind for kind in ("registered", "reclassified", "due_soon", "escalated")),
]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("due_on", date(2026, 3, 5), "2026年3月5日"),
        ("due_at", datetime(2026, 11, 21, 19, 30, tzinfo=UTC), "2026年11月22日03:30"),
        ("due_on", None, "待定"),
        ("provisional", True, "是"),
        ("state", ApplicationState.RUNNING, "办理中"),
        ("level_before", IncidentLevel.GENERAL, "一般突发事件"),
        ("step", "release", "发布权威信息"),
        ("days_left", 3, "3"),
        ("title", "关于公开的通知", "关于公开的通知"),
        ("outcome", "a new outcome", "a new outcome"),
    ],
)
def test_facts_are_said_in_chinese(name: str, value: object, said: str) -> None:
    assert say(name, value) == said


def test_every_state_and_level_has_a_word() -> None:
    assert set(WORDS["state"]) == set(ApplicationState)
    assert set(WORDS["level"]) == set(IncidentLevel)


def test_every_event_that_people_are_told_of_has_a_text() -> None:
    events = {template.event.split(".", 2)[2].removesuffix(".v1") for template in packaged().values()}
    assert events == set(TOLD)


@pytest.mark.parametrize("template", packaged().values(), ids=lambda template: template.id)
def test_packaged_texts_read_well_with_and_without_their_facts(template: Template) -> None:
    names = known(template)
    for said in ({name: f"〔{name}〕" for name in names}, dict.fromkeys(names, "待定"), dict.fromkeys(names, "是")):
        subject, body = render(template, said)
        assert subject and body.strip()
        assert "{" not in subject + body


DATED = [
    template
    for template in packaged().values()
    # Nothing is overdue on a provisional day, so those texts have nothing to say of it.
    if "due_on" in template.body and not template.event.endswith(".overdue.v1")
]


@pytest.mark.parametrize("template", DATED, ids=lambda template: template.id)
def test_a_text_that_names_a_provisional_day_says_so(template: Template) -> None:
    said = {name: f"〔{name}〕" for name in known(template)}
    assert "暂定" in render(template, said | {"provisional": "是"})[1]
    assert "暂定" not in render(template, said | {"provisional": "否"})[1]


OF_A_CASE = [
    template
    for template in packaged().values()
    if "due_on" in template.body and template.event.startswith("lantai.requests.application.")
]


@pytest.mark.parametrize("template", OF_A_CASE, ids=lambda template: template.id)
def test_a_text_that_names_a_day_resting_on_an_unconfirmed_rule_says_so(template: Template) -> None:
    said = {name: f"〔{name}〕" for name in known(template)}
    assert "待法制机构确认" in render(template, said | {"unconfirmed": "是"})[1]
    assert "待法制机构确认" not in render(template, said | {"unconfirmed": "否"})[1]


def test_a_day_that_only_became_certain_is_not_called_moved() -> None:
    same = {"due_on": "2027年1月8日", "due_on_before": "2027年1月8日", "provisional": "否"}
    for template in packaged().values():
        if template.event.endswith(".redated.v1"):
            said = {name: f"〔{name}〕" for name in known(template)}
            assert "已经确定，仍为 2027年1月8日" in render(template, said | same)[1]
            assert (
                "由 2027年1月4日 调整为 2027年1月8日"
                in render(template, said | same | {"due_on_before": "2027年1月4日"})[1]
            )


def test_an_applicants_mail_names_the_case_in_its_subject() -> None:
    for template in packaged().values():
        if template.audience is Audience.APPLICANT:
            assert "{{ receipt_number }}" in template.subject


def test_no_event_gives_a_text_personal_data() -> None:
    personal = {"name", "mail", "email", "phone", "address", "id_number", "applicant_name"}
    for template in packaged().values():
        assert known(template).isdisjoint(personal)
        assert set(EVENTS[template.event].model_fields) <= known(template)


REFUSED = [
    "{% for i in range(9) %}x{% endfor %}",
    "{{ receipt_number.__class__ }}",
    "{{ receipt_number|upper }}",
    "{{ receipt_number() }}",
    "{{ unknown }}",
    "{{ receipt_number * 1000000 }}",
    "{% set a = 1 %}",
    "{% macro m() %}{% endmacro %}",
    "{% include 'x' %}",
    "{{ receipt_number",
    "{{ receipt_number[0] }}",
]


@pytest.mark.parametrize("text", REFUSED)
def test_a_text_that_does_more_than_fill_in_is_refused(text: str) -> None:
    with pytest.raises(TemplateRefused):
        check(text, {"receipt_number"})


def test_a_text_may_choose() -> None:
    check("{% if due_on == '待定' and not a %}{{ a }}{% else %}{{ due_on }}{% endif %}", {"due_on", "a"})


edits = st.lists(
    st.tuples(st.sampled_from([BUREAU, COUNTY, CITY, UUID(int=9)]), st.integers(1, 5), st.text(), st.text()),
    unique_by=lambda edit: edit[:2],
)


@given(edits)
def test_the_newest_text_of_the_nearest_agency_speaks(edited: list[tuple[UUID, int, str, str]]) -> None:
    chain = [BUREAU, COUNTY, CITY]
    spoken = nearest(PACKAGED, edited, chain)
    fitting = [edit for edit in edited if edit[0] in chain]
    if not fitting:
        assert spoken == PACKAGED
        return
    agency = min((edit[0] for edit in fitting), key=chain.index)
    version = max(edit[1] for edit in fitting if edit[0] == agency)
    [expected] = [edit for edit in fitting if edit[:2] == (agency, version)]
    assert (spoken.version, spoken.subject, spoken.body) == expected[1:]
    assert (spoken.id, spoken.roles) == (PACKAGED.id, PACKAGED.roles)


@given(st.text())
def test_a_subject_is_one_printable_line(text: str) -> None:
    line = one_line(text)
    assert line.isprintable() and len(line) <= MAX_SUBJECT_CHARACTERS


@given(st.dictionaries(st.text(min_size=1), st.none() | st.integers() | st.dates() | st.text()))
def test_whatever_an_event_carries_can_be_said(event: Mapping[str, object]) -> None:
    said = facts(event, site="http://localhost:8000")
    assert set(said) == {*event, "site"}
    assert all(isinstance(value, str) for value in said.values())
