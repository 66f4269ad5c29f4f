"""One tokeniser for text and query: overlapping character bigrams, so that every substring is found.

Position i of a text holds the token of its characters i and i+1 (the last position: one character). A text that holds
the question holds all its tokens; the reverse is sure for one token and compared with the text for more. Words are
never cut, so nothing is cut differently in query and text. Positions serve the rank only: `tsvector` keeps at most 256
of a token and none beyond 16383, so chunks stay below both, and they overlap by more than the longest question.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from services.catalog.search.traditional import TABLE
from shared.errors import Category, DomainError

BIGRAM = 2
CHUNK_CHARACTERS = 10_000
POSITIONS_PER_TOKEN = 250
QUERY_CHARACTERS = 100
OVERLAP = QUERY_CHARACTERS

_ONE_FOR_ONE = TABLE | str.maketrans({"〔": "[", "〕": "]", "【": "[", "】": "]"})  # NFKC brings the others to these
_SPACE = re.compile(r"\s+")
_SPACE_TO_DROP = re.compile(r"(?<![a-z0-9]) | (?![a-z0-9])")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\u00ad\u200b-\u200f\u2060\ufeff]")


class QueryTooLong(DomainError):
    code = "query_too_long"
    title = f"检索词过长，请控制在 {QUERY_CHARACTERS} 字以内"
    category = Category.UNPROCESSABLE


class QueryEmpty(DomainError):
    code = "query_empty"
    title = "请输入检索词"
    category = Category.UNPROCESSABLE


@dataclass(frozen=True)
class Chunk:
    """A piece of folded text, and where it starts."""

    start: int
    text: str


def fold(text: str) -> str:
    """Make different writings of a text equal: NFKC, case, brackets of 文号, traditional characters, spaces."""
    folded = _fold_once(text)
    while (again := _fold_once(folded)) != folded:  # a space gone may bring an accent to its letter
        folded = again
    return folded


def _fold_once(text: str) -> str:
    caseless = _nfkc(_nfkc(text).casefold())
    plain = _INVISIBLE.sub("", caseless.translate(_ONE_FOR_ONE))
    return _nfkc(_SPACE_TO_DROP.sub("", _SPACE.sub(" ", plain.strip())))


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def tokens(folded: str) -> Iterator[str]:
    """The token of every position."""
    for position in range(len(folded)):
        yield folded[position : position + BIGRAM]


def chunks(folded: str) -> Iterator[Chunk]:
    """Cut folded text into overlapping pieces that a `tsvector` indexes without loss."""
    start = 0
    while start < len(folded):
        end = _end_of_chunk(folded, start)
        yield Chunk(start, folded[start:end])
        if end == len(folded):
            return
        start = end - OVERLAP


def _end_of_chunk(folded: str, start: int) -> int:
    seen: Counter[str] = Counter()
    limit = min(len(folded), start + CHUNK_CHARACTERS)
    for position in range(start, limit):
        token = folded[position : position + BIGRAM]
        seen[token] += 1
        if seen[token] > POSITIONS_PER_TOKEN:
            return position
    return limit


def vector(folded: str, weight: str) -> str:
    """The text form of a `tsvector` of folded text; `weight` is A (title) or D (body)."""
    positions: dict[str, list[int]] = {}
    for position, token in enumerate(tokens(folded), start=1):
        positions.setdefault(token, []).append(position)
    mark = "" if weight == "D" else weight
    return " ".join(f"{_quote(t)}:{','.join(f'{p}{mark}' for p in where)}" for t, where in positions.items())


def query(folded: str) -> str:
    """The text form of the `tsquery` for texts that hold every bigram of `folded`; raises on empty or too long.

    A phrase query would say exactly what is meant, but PostgreSQL answers it by reading the positions of each
    candidate, which costs more than comparing its text.
    """
    if not folded:
        raise QueryEmpty
    if len(folded) > QUERY_CHARACTERS:
        raise QueryTooLong
    if len(folded) == 1:
        return f"{_quote(folded)}:*"
    return " & ".join(_quote(token) for token in dict.fromkeys(tokens(folded)) if len(token) == BIGRAM)


def _quote(token: str) -> str:
    doubled = token.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"
