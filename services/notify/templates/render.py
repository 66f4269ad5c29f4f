"""Fills texts in with Jinja2, in a sandbox and with a small part of its language.

A text may name facts and choose between texts (`if`); loops, calls, attributes and macros are refused when it is
saved, so that an edited text can neither run away nor reach anything.
"""

from collections.abc import Collection, Mapping

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notify.templates.rules import Template, TemplateRefused, one_line

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)
_ENVIRONMENT.globals.clear()
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.If,
    nodes.Const,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)


def render(template: Template, facts: Mapping[str, str]) -> tuple[str, str]:
    """Return subject and body; raises TemplateRefused when the text names something the facts lack."""
    return one_line(_fill(template.subject, facts)), _fill(template.body, facts).strip() + "\n"


def check(text: str, known: Collection[str]) -> None:
    """Refuse a text that names unknown facts or does more than fill in; `known` are the names it may use."""
    try:
        tree = _ENVIRONMENT.parse(text)
    except TemplateError as error:
        raise TemplateRefused(f"第 {getattr(error, 'lineno', 1)} 行有语法错误。") from None
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            raise TemplateRefused(
                "只能填入变量（{{ 变量 }}）和使用条件（{% if %}），不能使用循环、函数、过滤器或属性。"
            )
    if unknown := sorted(find_undeclared_variables(tree) - set(known)):
        raise TemplateRefused(f"未知变量：{'、'.join(unknown)}。可用：{'、'.join(sorted(known))}。", unknown=unknown)


def _fill(text: str, facts: Mapping[str, str]) -> str:
    try:
        return _ENVIRONMENT.from_string(text).render(dict(facts))
    except TemplateError as error:
        raise TemplateRefused(str(error)) from None
