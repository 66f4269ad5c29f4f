"""Meta tags as government websites carry them."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from services.catalog.documents.meta_tags import DESCRIPTION_CHARACTERS, MetaTags

SITE = ("青山县人民政府", "www.example.gov.cn", "4207000016")
printable = st.text(st.characters(exclude_categories=("Cc", "Cs", "Co", "Cn")), min_size=1, max_size=50)


def tags(title: str, body: str = "正文") -> MetaTags:
    moment = datetime(2026, 11, 19, 17, 59, tzinfo=UTC)
    return MetaTags.build(
        site=SITE, title=title, published_at=moment, source="青山县", url="http://x/1", description=body
    )


def test_the_date_is_shanghais_and_has_no_seconds() -> None:
    assert tags("通知").PubDate == "2026-11-20 01:59"


@given(printable)
def test_whatever_the_title_holds_a_browser_reads_it_back(title: str) -> None:
    page = html.fromstring(f"<html><head>{tags(title).html()}</head></html>")
    (content,) = page.xpath('//meta[@name="ArticleTitle"]/@content')
    assert content == title


@given(st.text(max_size=500))
def test_a_description_is_one_short_line(body: str) -> None:
    description = tags("通知", body).Description
    assert len(description) <= DESCRIPTION_CHARACTERS
    assert "\n" not in description
