"""The rules of the house as functions over source text: each returns what is wrong, in the words of a reviewer.

They take text, not files, so that a test can plant a violation.
"""

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import ModuleType

REPOSITORY = Path(__file__).parents[2]

PURE = ("shared.calendar", "shared.statutes", "shared.errors")
PROCESS_CLOCK = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
}
WRITES_OUTBOX = re.compile(r"\b(?:insert\s+into|merge\s+into|copy)\s+(?:\w+\.)?\"?outbox\b", re.IGNORECASE)
# Layers of a noun's files: one may import those at its own height or below.
HEIGHT = {"rules": 0, "models": 1, "queries": 2, "commands": 2, "api": 3}


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    """Yield (path in the repository, text) of every Python file below the folders."""
    for folder in folders:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if "build" not in path.parts:
                yield str(path.relative_to(REPOSITORY)), path.read_text()


def imported(path: str, text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, full module name) for every import, relative ones resolved, wherever in the file it stands."""
    package = path.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def _below(module: str, roots: tuple[str, ...]) -> bool:
    return any(module == root or module.startswith(root + ".") for root in roots)


def _is_standard(module: str) -> bool:
    return module.split(".")[0] in sys.stdlib_module_names


def _is_vocabulary(module: str) -> bool:
    """The words that events and rules share: enumerations, and the module that an import takes them from."""
    parts = module.split(".")
    if parts[:2] != ["shared", "events"] or len(parts) < 3:
        return False
    named = importlib.import_module(".".join(parts[:3]))
    for part in parts[3:]:
        named = getattr(named, part)
    return isinstance(named, ModuleType) or (isinstance(named, type) and issubclass(named, Enum))


def _own_module(module: str, service: str) -> Path | None:
    """The file of a module of the same service, or None for a name inside one, or for another package."""
    if not module.startswith(service + "."):
        return None
    path = REPOSITORY / (module.replace(".", "/") + ".py")
    return path if path.exists() else None


def impure_rules(path: str, text: str, seen: frozenset[str] = frozenset()) -> list[str]:
    """A `rules` module imports the standard library, calendar, statutes, words, and what is itself as pure."""
    service = ".".join(path.split("/")[:2])
    found = []
    for line, module in imported(path, text):
        if _is_standard(module) or _below(module, PURE) or _is_vocabulary(module) or module == service:
            continue
        own = _own_module(module, service)
        if own is not None and module not in seen:
            name = str(own.relative_to(REPOSITORY))
            found += [f"{path}:{line} via {told}" for told in impure_rules(name, own.read_text(), seen | {module})]
        elif not module.startswith(service + "."):
            found.append(f"{path}:{line} rules import {module}")
    return found


def framework_in_events(path: str, text: str) -> list[str]:
    """`shared/events` imports pydantic, the standard library and itself, relatively: it is also a wheel of its own."""
    found = []
    for line, module in imported(path, text):
        if not (_is_standard(module) or _below(module, ("pydantic", "shared.events"))):
            found.append(f"{path}:{line} events import {module}")
    absolute = re.finditer(r"^\s*(?:from|import) shared\b", text, re.MULTILINE)
    found += [f"{path}:{text[: match.start()].count(chr(10)) + 1} events import absolutely" for match in absolute]
    return found


def foreign_service(path: str, text: str) -> list[str]:
    """A service never imports another."""
    own = path.split("/")[1]
    found = []
    for line, module in imported(path, text):
        parts = module.split(".")
        if parts[0] == "services" and len(parts) > 1 and parts[1] != own:
            found.append(f"{path}:{line} {own} imports {module}")
    return found


def upward_import(path: str, text: str) -> list[str]:
    """Inside a service the arrows go api > commands | queries > models > rules."""
    *_, role = path.removesuffix(".py").split("/")
    if role not in HEIGHT:
        return []
    found = []
    for line, module in imported(path, text):
        parts = module.split(".")
        if parts[0] != "services":
            continue
        above = [part for part in parts[2:] if HEIGHT.get(part, -1) > HEIGHT[role]]
        found += [f"{path}:{line} {role} import {module}" for _ in above]
    return found


def commits(path: str, text: str) -> list[str]:
    """Only the unit of work commits: no `commit()` (with an argument it is a consumer's position), no SQL COMMIT."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            commit = node.func.attr == "commit" and not node.args and not node.keywords
        else:
            commit = isinstance(node, ast.Constant) and bool(re.fullmatch(r"\s*COMMIT\s*;?\s*", str(node.value)))
        if commit:
            found.append(f"{path}:{getattr(node, 'lineno', 0)} commits")
    return found


def writes_events(path: str, text: str) -> list[str]:
    """Only the unit of work puts rows into the outbox: a row that goes round it wakes no relay."""
    tree = ast.parse(text)
    named = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == "outbox"
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = str(getattr(node.func, "attr", getattr(node.func, "id", "")))
            whereto = node.args[:1] or [getattr(node.func, "value", node.func)]
            writes = re.search("insert|copy", called) is not None and _is_outbox(whereto[0], named)
        else:
            writes = isinstance(node, ast.Constant) and WRITES_OUTBOX.search(str(node.value)) is not None
        if writes:
            found.append(f"{path}:{getattr(node, 'lineno', 0)} writes into the outbox")
    return found


def _is_outbox(node: ast.expr, named: set[str]) -> bool:
    """Whether it is the table: by its name, by one that an import gave it, or as an attribute of a module."""
    if isinstance(node, ast.Constant):
        return bool(node.value == "outbox")
    return node.attr == "outbox" if isinstance(node, ast.Attribute) else isinstance(node, ast.Name) and node.id in named


def process_clock(path: str, text: str) -> list[str]:
    """No business decision reads the process's clock; `now` comes from the unit of work."""
    tree = ast.parse(text)
    named = {
        alias.asname or alias.name: (node.module.split(".")[-1], alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime")
        for alias in node.names
    }
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            name = named.get(name, ("", name))[1]
            called = (name, node.func.attr)
        elif isinstance(node.func, ast.Name):
            called = named.get(node.func.id, ("", ""))
        else:
            continue
        if called in PROCESS_CLOCK:
            found.append(f"{path}:{node.lineno} reads the process's clock ({'.'.join(called)})")
    return found


def too_long(path: str, text: str, lines: int = 400) -> list[str]:
    """A file that nobody reads in one go is split by noun."""
    count = text.count("\n")
    return [f"{path} has {count} lines"] if count > lines else []


def names_a_place(path: str, text: str) -> list[str]:
    """No committed line names a path of a developer's machine or a package registry's host."""
    machine = re.compile(r"(?<![\w.])/(?:work|farm|home/\w+|root)/")
    registry = re.compile(
        r"pypi\.org|files\.pythonhosted\.org|repo\d?\.maven\.(?:org|apache\.org)|registry\.npmjs\.org"
    )
    return [
        f"{path}:{number} names {match.group()}"
        for number, line in enumerate(text.splitlines(), 1)
        if (match := machine.search(line) or registry.search(line))
    ]
