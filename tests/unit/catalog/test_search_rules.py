"""The tokeniser finds every substring: shown on a small model of `tsvector` and `tsquery`."""

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from services.catalog.search.rules import (
    BIGRAM,
    CHUNK_CHARACTERS,
    OVERLAP,
    POSITIONS_PER_TOKEN,
    QUERY_CHARACTERS,
    QueryEmpty,
    QueryTooLong,
    chunks,
    fold,
    query,
    tokens,
    vector,
)

chinese = st.text(st.sampled_from("政務务公開开低保醫医疗〔〕（）［］ａｂＡＢab12 　\n'\\&|:*<->国办发"), max_size=60)
anything = st.text(max_size=60)
few_letters = st.text("甲乙", max_size=900)


def matches(text: str, wanted: str) -> bool:
    """What PostgreSQL does with our vector and query: a prefix, or every token and then the text."""
    held = set(tokens(text))
    if len(wanted) == 1:
        return any(token.startswith(wanted) for token in held)
    asked = {wanted[i : i + BIGRAM] for i in range(len(wanted) - 1)}
    return asked <= held and (len(wanted) == BIGRAM or wanted in text)


@given(chinese, chinese)
@example("政务", "务")
def test_a_match_is_exactly_a_substring(text: str, wanted: str) -> None:
    folded, q = fold(text), fold(wanted)
    assume(q)
    assert matches(folded, q) is (q in folded)


@given(chinese, st.integers(0, 60), st.integers(1, 20))
def test_every_substring_is_found_in_the_text_it_was_cut_from(text: str, at: int, length: int) -> None:
    q = fold(text[at : at + length])
    assume(q)
    assert matches(fold(text), q)


@given(anything)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("国办发〔2016〕80号", "国办发[2016]80号"),
        ("国办发［２０１６］80号", "国办发【2016】80号"),
        ("ＡＢＣ", "abc"),
        ("政务\n公 开", "政务公开"),
        ("Open   Data", "open data"),
        ("（试行）", "(试行)"),
        ("醫療保險與財政預算公開", "医疗保险与财政预算公开"),
        ("零\u200b宽\ufeff字符", "零宽字符"),
    ],
)
def test_different_writings_of_one_text_are_equal(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(few_letters)
def test_chunks_cover_the_text_and_overlap_by_more_than_a_query(text: str) -> None:
    long = text * 4
    found = list(chunks(long))
    assert "".join(chunk.text[(OVERLAP if n else 0) :] for n, chunk in enumerate(found)) == long
    for chunk in found:
        assert long[chunk.start : chunk.start + len(chunk.text)] == chunk.text
        held = list(tokens(chunk.text))
        assert len(held) <= CHUNK_CHARACTERS
        assert all(held.count(token) <= POSITIONS_PER_TOKEN + 1 for token in set(held))
    if len(long) >= QUERY_CHARACTERS:
        for start in range(0, len(long) - QUERY_CHARACTERS + 1, 37):
            phrase = long[start : start + QUERY_CHARACTERS]
            assert any(phrase in chunk.text for chunk in found)


def test_a_long_text_without_repeats_is_cut_at_ten_thousand() -> None:
    text = "".join(chr(0x4E00 + n % 20_000) for n in range(25_000))
    assert [len(chunk.text) for chunk in chunks(text)] == [10_000, 10_000, 25_000 - 2 * (10_000 - OVERLAP)]


@given(chinese)
def test_a_vector_names_every_position_once(text: str) -> None:
    folded = fold(text)
    for weight, mark in (("A", "A"), ("D", "")):
        positions = re.findall(rf"(?<=[:,])(\d+){mark}(?=,| |$)", re.sub(r"'(?:[^']|'')*'", "", vector(folded, weight)))
        assert sorted(map(int, positions)) == list(range(1, len(folded) + 1))


def test_a_query_has_bounds() -> None:
    assert query("政") == "'政':*"
    assert query("政务") == "'政务'"
    assert query("政务公政务") == "'政务' & '务公' & '公政'"
    assert query("a'b\\") == "'a''' & '''b' & 'b\\\\'"
    with pytest.raises(QueryEmpty):
        query("")
    with pytest.raises(QueryTooLong):
        query("长" * (QUERY_CHARACTERS + 1))
