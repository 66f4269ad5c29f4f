"""What does not fit its schema is told in Chinese."""

import json
from typing import Any
from unittest.mock import Mock

import pytest
from fastapi import Request
from fastapi.exceptions import RequestValidationError

from shared.http.validation import on_validation_error


@pytest.mark.parametrize("kind", ["enum", "literal_error"])
async def test_the_choices_are_listed_without_english(kind: str) -> None:
    item: dict[str, Any] = {"type": kind, "loc": ("query", "bucket"), "ctx": {"expected": "'due_soon', 'over' or 'x'"}}
    answer = await on_validation_error(Mock(Request), RequestValidationError([item]))
    assert json.loads(bytes(answer.body))["errors"][0]["detail"] == "只能是：due_soon、over、x"
