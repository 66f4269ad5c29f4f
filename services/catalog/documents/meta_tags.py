"""Page meta tags of a government website (国办发〔2017〕47号 附件): what a CMS puts into the head of a document's page.

`PubDate` is `yyyy-MM-dd HH:mm` in Asia/Shanghai. `Author`, `Image` and `Url` are optional; of them only `Url` is given.
"""

from datetime import datetime
from html import escape

from pydantic import BaseModel, ConfigDict, Field

from shared.calendar import SHANGHAI

DESCRIPTION_CHARACTERS = 120


class MetaTags(BaseModel):
    """The tags by the names that the 检查指标 look for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    SiteName: str
    SiteDomain: str
    SiteIDCode: str = Field(examples=["4207000016"])
    ArticleTitle: str
    PubDate: str = Field(examples=["2026-11-20 09:30"])
    ContentSource: str
    Description: str
    Url: str

    @staticmethod
    def build(
        *,
        site: tuple[str, str, str],
        title: str,
        published_at: datetime | None,
        source: str,
        url: str,
        description: str,
    ) -> "MetaTags":
        """Return the tags of one article page."""
        name, domain, id_code = site
        return MetaTags(
            SiteName=name,
            SiteDomain=domain,
            SiteIDCode=id_code,
            ArticleTitle=title,
            PubDate=published_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") if published_at else "",
            ContentSource=source,
            Description=" ".join(description.split())[:DESCRIPTION_CHARACTERS],
            Url=url,
        )

    def html(self) -> str:
        """Return the lines for the head of a page."""
        return "\n".join(f'<meta name="{name}" content="{escape(value)}">' for name, value in self.model_dump().items())


class MetaTagsBody(BaseModel):
    """The tags, each and as lines of HTML."""

    tags: MetaTags
    html: str
