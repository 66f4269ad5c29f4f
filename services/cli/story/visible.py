"""Chapter 6: all of it is visible: the status page, the metrics, the start page, the documents of the API."""

from services.cli.office import REQUESTS, CaseFile
from services.cli.portal import Refused
from services.cli.story.cast import Cast

SERVICES = ("catalog", "requests", "sentiment", "notify")


def visible(cast: Cast, case: CaseFile) -> None:
    """Look at everything a visitor, an applicant and an operator would look at."""
    story = cast.narrator
    story.chapter("处处可见")
    page = cast.citizen.form("/status", {"receipt_number": case.number, "code": case.code}).text
    story.ensure("办理进度页显示受理编号与状态", case.number in page and "已答复" in page)
    story.ensure("办理进度页不显示申请人姓名", "王芳" not in page)
    wrong = {"receipt_number": case.number, "code": "AAAAA-AAAAA"}
    story.refused("查询码不对时查看进度", "not_found", lambda: cast.citizen.ask(f"{REQUESTS}/status", wrong))
    story.tell("凭编号和查询码可见进度、台账和答复；查询码不对，与查无此件一样。")
    for service in SERVICES:
        described = cast.citizen.get(f"/api/{service}/openapi.json")
        story.ensure(f"{service} 的接口文档", described["openapi"].startswith("3.1"))
        story.ensure(f"{service} 的文档页", "<html" in cast.citizen.get(f"/api/{service}/docs").text)
    start = cast.citizen.get("/").text
    story.ensure("首页链接各服务", all(f"/api/{service}/docs" in start for service in SERVICES))
    story.tell("首页链接四个服务及其接口文档，文档不依赖外网。")
    _metrics(cast)


def _metrics(cast: Cast) -> None:
    """All in one, `/metrics` is at the origin; behind a gateway each worker has its own and the origin shows none."""
    try:
        metrics = cast.citizen.get("/metrics").text
    except Refused:
        cast.narrator.tell("运行指标由各服务进程自己的 /metrics 提供，不对公众开放。")
        return
    cast.narrator.ensure("指标中有在办申请数", "lantai_applications" in metrics)
    cast.narrator.tell("运行指标在 /metrics。")
