"""RFC 9457 problem bodies: every answer that is not a success looks the same.

`code` is stable and for programs, `title` and `detail` are Chinese and for people, `request_id` finds the log line.
A problem never holds a stack trace, SQL, or what the caller sent.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import Category, DomainError
from shared.telemetry.correlation import current_request_id

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:lantai:problem:"
RETRY_AFTER_SECONDS = 5

STATUS = {
    Category.BAD_REQUEST: 400,
    Category.UNAUTHENTICATED: 401,
    Category.FORBIDDEN: 403,
    Category.NOT_FOUND: 404,
    Category.CONFLICT: 409,
    Category.INVALID_STATE: 409,
    Category.GONE: 410,
    Category.PRECONDITION: 412,
    Category.TOO_LARGE: 413,
    Category.UNPROCESSABLE: 422,
    Category.PRECONDITION_REQUIRED: 428,
    Category.TOO_MANY: 429,
    Category.UNAVAILABLE: 503,
}

# code and title of what HTTP itself refuses, and the meaning of each status in the OpenAPI documents
BY_STATUS = {
    400: ("bad_request", "请求格式不正确"),
    401: ("unauthenticated", "请先登录"),
    403: ("forbidden", "无权执行此操作"),
    404: ("not_found", "未找到"),
    405: ("method_not_allowed", "此地址不支持该方法"),
    406: ("not_acceptable", "无法按所要求的格式提供"),
    409: ("conflict", "与当前状态冲突"),
    410: ("gone", "已不再提供"),
    412: ("version_mismatch", "数据已被他人更新"),
    413: ("too_large", "请求内容过大"),
    415: ("unsupported_media_type", "不支持的内容类型"),
    422: ("validation_failed", "提交的内容不符合要求"),
    428: ("if_match_missing", "缺少 If-Match 请求头"),
    429: ("too_many_requests", "请求过于频繁，请稍后再试"),
    500: ("internal_error", "系统内部错误"),
    503: ("unavailable", "服务暂时不可用，请稍后重试"),
}


class FieldError(BaseModel):
    """One thing wrong with what was sent."""

    pointer: str = Field(description="JSON Pointer（正文）或参数名", examples=["/applicant/name"])
    code: str = Field(examples=["missing"])
    detail: str = Field(examples=["必填"])


class Problem(BaseModel):
    """The body of every refusal (RFC 9457); further members depend on the code."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=[TYPE_PREFIX + "not_found"])
    title: str = Field(examples=["未找到"])
    status: int = Field(ge=400, le=599, examples=[404])
    code: str = Field(examples=["not_found"])
    detail: str | None = Field(default=None, description="说明与建议")
    request_id: str | None = Field(default=None, description="请求编号，报障时请提供")
    errors: list[FieldError] | None = None


def problem(
    status: int,
    code: str,
    title: str,
    detail: str = "",
    *,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem answer; the standard members win over `extra`."""
    body = {k: v for k, v in (extra or {}).items() if v is not None}
    body |= {"type": TYPE_PREFIX + code, "title": title, "status": status, "code": code}
    if detail:
        body["detail"] = detail
    if request_id := current_request_id():
        body["request_id"] = request_id
    sent = dict(headers or {})
    if status == 401:
        sent.setdefault("WWW-Authenticate", "Bearer")
    if status in (429, 503):
        sent.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    return Response(orjson.dumps(body, default=str), status, sent, MEDIA_TYPE)


def of_status(status: int, detail: str = "", *, headers: Mapping[str, str] | None = None) -> Response:
    """Return the problem that HTTP itself has for a status."""
    code, title = BY_STATUS.get(status, (f"http_{status}", "请求未能完成"))
    return problem(status, code, title, detail, headers=headers)


def of_domain(error: DomainError) -> Response:
    """Return the problem of a domain error; `retry_after` (seconds) in its extra becomes the header."""
    extra = dict(error.extra)
    headers = {}
    if (seconds := extra.pop("retry_after", None)) is not None:
        headers["Retry-After"] = str(max(1, math.ceil(seconds)))
    return problem(STATUS[error.category], error.code, error.title, error.detail, extra=extra, headers=headers)


def responses(
    *statuses: int, examples: Mapping[int, Sequence[type[DomainError]]] | None = None
) -> dict[int | str, Any]:
    """Declare problem answers of a route, for its `responses=`.

    What the edge itself answers (400 401 403 404 412 413 422 428 429 503) is declared by `service_app` from the
    route's shape; a route names only what its command adds, with the domain errors as examples if it likes.
    """
    declared: dict[int | str, Any] = {}
    for status in statuses:
        _, meaning = BY_STATUS[status]
        errors = [(error.code, error.title) for error in (examples or {}).get(status, ())] or [BY_STATUS[status]]
        shown = {code: {"summary": title, "value": _example(status, code, title)} for code, title in errors}
        declared[status] = {
            "description": meaning,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": shown}},
        }
    return declared


def _example(status: int, code: str, title: str) -> dict[str, Any]:
    return {"type": TYPE_PREFIX + code, "title": title, "status": status, "code": code}
