"""A release that packages one more year of the calendar, and the release before it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.calendar import national, packaged, packaged_notices

YEAR_2027 = """
year = 2027
notice = "国办发明电〔2026〕9号"
issued = 2026-12-08
holidays = [
    { name = "元旦", from = "2026-12-31", to = "2027-01-03" },
    { name = "春节", from = "2027-02-05", to = "2027-02-12" },
    { name = "清明节", from = "2027-04-05", to = "2027-04-05" },
    { name = "劳动节", from = "2027-05-01", to = "2027-05-02" },
    { name = "端午节", from = "2027-06-09", to = "2027-06-09" },
    { name = "中秋节", from = "2027-09-15", to = "2027-09-15" },
    { name = "国庆节", from = "2027-10-01", to = "2027-10-07" },
]
make_up_days = ["2027-01-09"]
"""

Upgrade = Callable[[], None]


@contextmanager
def next_release(directory: Path) -> Iterator[Upgrade]:
    """Give what puts 2027 into the packaged data, as the files of a newer release do; undone at the end."""
    old, new = packaged.DATA, directory / "data"
    shutil.copytree(old, new)
    (new / "2027.toml").write_text(YEAR_2027, encoding="utf-8")

    def turn(data: Path) -> None:
        packaged.DATA = data
        packaged_notices.cache_clear()
        national.cache_clear()

    try:
        yield lambda: turn(new)
    finally:
        turn(old)
