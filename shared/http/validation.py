"""Says in Chinese what is wrong with a request that does not fit its schema, without repeating what was sent.

A wrong body is 422; a body that is no JSON, or a wrong query or header, is 400; a path that cannot name anything
is 404; a missing `If-Match` is 428.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

from shared.http.problems import BY_STATUS, of_status, problem

MESSAGES = {
    "missing": "必填",
    "extra_forbidden": "不允许的字段",
    "string_type": "应为文本",
    "string_too_short": "不得少于 {min_length} 个字符",
    "string_too_long": "不得超过 {max_length} 个字符",
    "string_pattern_mismatch": "格式不正确",
    "string_unicode": "含有无法识别的字符",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "float_type": "应为数字",
    "float_parsing": "应为数字",
    "bool_type": "应为 true 或 false",
    "bool_parsing": "应为 true 或 false",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "不得小于 {ge}",
    "less_than": "应小于 {lt}",
    "less_than_equal": "不得大于 {le}",
    "enum": "只能是：{expected}",
    "literal_error": "只能是：{expected}",
    "list_type": "应为数组",
    "dict_type": "应为对象",
    "model_type": "应为对象",
    "model_attributes_type": "应为 JSON 对象（并以 application/json 提交）",
    "too_short": "不得少于 {min_length} 项",
    "too_long": "不得多于 {max_length} 项",
    "uuid_type": "应为 UUID",
    "uuid_parsing": "应为 UUID",
    "date_type": "应为日期（如 2026-03-05）",
    "date_parsing": "应为日期（如 2026-03-05）",
    "date_from_datetime_parsing": "应为日期（如 2026-03-05）",
    "date_from_datetime_inexact": "应为日期（如 2026-03-05）",
    "datetime_type": "应为带时区的时间",
    "datetime_parsing": "应为带时区的时间",
    "datetime_from_date_parsing": "应为带时区的时间",
    "timezone_aware": "时间须带时区",
    "value_error": "{error}",
    "assertion_error": "{error}",
    "json_invalid": "不是有效的 JSON",
    "url_parsing": "应为网址",
    "union_tag_invalid": "类型只能是：{expected_tags}",
    "union_tag_not_found": "缺少类型字段",
}
MAX_ERRORS = 50


async def on_validation_error(_request: Request, error: RequestValidationError) -> Response:
    """Answer a request that does not fit its schema."""
    found = [_field_error(item) for item in error.errors()]
    places = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
    listed = {"errors": found[:MAX_ERRORS]}
    if "path" in places:
        return of_status(404, "此地址中的编号格式不正确。")
    if any(item["pointer"] == "If-Match" and item["code"] == "missing" for item in found):
        return problem(428, "if_match_missing", BY_STATUS[428][1], "请先读取该对象，并以其 ETag 作为 If-Match 提交。")
    if any(item["pointer"] == "Idempotency-Key" and item["code"] == "missing" for item in found):
        detail = "新建类请求须带 Idempotency-Key 请求头（每次新建使用一个新的随机值，重试时沿用）。"
        return problem(400, "idempotency_key_missing", "缺少 Idempotency-Key 请求头", detail)
    if any(item["code"] == "json_invalid" for item in found):
        return problem(400, "malformed_json", "请求正文不是有效的 JSON")
    if places <= {"query", "header", "cookie"}:
        return problem(400, "invalid_parameters", "请求参数不正确", extra=listed)
    return problem(422, "validation_failed", BY_STATUS[422][1], extra=listed)


def _field_error(item: Mapping[str, Any]) -> dict[str, str]:
    place, *path = item["loc"] or ("body",)
    return {"pointer": _pointer(str(place), path), "code": str(item["type"]), "detail": _message(item)}


def _pointer(place: str, path: Sequence[str | int]) -> str:
    if place == "header":
        return "-".join(part.capitalize() for part in str(path[0]).split("-")) if path else place
    if place != "body":
        return ".".join(str(part) for part in path)
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _message(item: Mapping[str, Any]) -> str:
    template = MESSAGES.get(str(item["type"]))
    if template is None:
        return "内容不正确"
    context = {key: str(value) for key, value in (item.get("ctx") or {}).items()}
    if "expected" in context:
        context["expected"] = context["expected"].replace(" or ", ", ").replace("'", "").replace(", ", "、")
    try:
        return template.format(**context)
    except KeyError:
        return "内容不正确"
