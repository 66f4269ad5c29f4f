"""What breaks a reader: every difference between two schemas of one version but an added optional field.

Readers of yesterday meet today's events, and readers of today meet yesterday's, which the log keeps. So within a
version a field is neither removed, renamed, narrowed nor widened, none is newly required, and an enumeration keeps
its values; anything else is a `.v2` beside the `.v1`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]

# What describes and does not constrain.
_ANNOTATIONS = {"$schema", "$id", "title", "description", "examples", "default", "deprecated"}
_VERSIONED = re.compile(r"(?P<name>lantai(?:\.[a-z_]+){3})\.v(?P<version>[1-9][0-9]*)")


def breaks(old: Schema, new: Schema) -> list[str]:
    """Return what of `new` breaks those who know `old`, in the words of a reviewer; empty when nothing does."""
    return list(_compare("", _Resolved(old, old), _Resolved(new, new)))


def registry_breaks(committed: Mapping[str, Schema], current: Mapping[str, Schema]) -> list[str]:
    """Compare all events: types that vanished, versions with holes, and the breaks of each type."""
    found = [f"{kind}: the type was removed" for kind in sorted(committed.keys() - current.keys())]
    found += missing_versions(current)
    for kind in sorted(committed.keys() & current.keys()):
        found += [f"{kind}: {what}" for what in breaks(committed[kind], current[kind])]
    return found


def missing_versions(kinds: Iterable[str]) -> list[str]:
    """Return the holes: an event has the versions 1..n, and an old one stays until no reader is left."""
    versions: dict[str, set[int]] = defaultdict(set)
    found = []
    for kind in kinds:
        if match := _VERSIONED.fullmatch(kind):
            versions[match["name"]].add(int(match["version"]))
        else:
            found.append(f"{kind}: not of the form lantai.<service>.<noun>.<past tense>.v<number>")
    for name, there in sorted(versions.items()):
        found += [f"{name}: version {n} is missing" for n in range(1, max(there) + 1) if n not in there]
    return found


class _Resolved:
    """A schema node with its `$ref` followed."""

    def __init__(self, node: Schema, root: Schema) -> None:
        while "$ref" in node:
            target: Any = root
            for part in str(node["$ref"]).removeprefix("#/").split("/"):
                target = target[part]
            node = target
        self.node, self.root = node, root

    def child(self, node: Schema) -> "_Resolved":
        return _Resolved(node, self.root)

    @property
    def types(self) -> set[str]:
        """The JSON types allowed; those of alternatives together."""
        if "anyOf" in self.node:
            return set().union(*(self.child(part).types for part in self.node["anyOf"]))
        allowed = self.node.get("type", ())
        return {allowed} if isinstance(allowed, str) else set(allowed)

    @property
    def constraints(self) -> dict[str, Any]:
        structural = {
            "type",
            "enum",
            "const",
            "properties",
            "required",
            "items",
            "anyOf",
            "$defs",
            "additionalProperties",
        }
        return {k: v for k, v in self.node.items() if k not in _ANNOTATIONS | structural}


def _compare(at: str, old: _Resolved, new: _Resolved) -> Iterable[str]:
    where = at or "body"
    if gone := old.types - new.types:
        yield f"{where}: type narrowed, no longer {'/'.join(sorted(gone))}"
    if come := new.types - old.types:
        yield f"{where}: type widened, readers do not expect {'/'.join(sorted(come))}"
    yield from _compare_values(where, old.node, new.node)
    yield from _compare_properties(at, old, new)
    if "items" in old.node and "items" in new.node:
        yield from _compare(f"{at}[]", old.child(old.node["items"]), new.child(new.node["items"]))
    yield from _compare_alternatives(at, old, new)
    if old.constraints != new.constraints:
        yield f"{where}: constraints changed from {old.constraints} to {new.constraints}"


def _compare_values(where: str, old: Schema, new: Schema) -> Iterable[str]:
    before = set(old.get("enum", [old["const"]] if "const" in old else []))
    after = set(new.get("enum", [new["const"]] if "const" in new else []))
    if before or after:
        if gone := before - after:
            yield f"{where}: values removed: {', '.join(sorted(map(str, gone)))}"
        if come := after - before:
            yield f"{where}: values added that readers do not know: {', '.join(sorted(map(str, come)))}"


def _compare_properties(at: str, old: _Resolved, new: _Resolved) -> Iterable[str]:
    before, after = old.node.get("properties", {}), new.node.get("properties", {})
    for name in sorted(before.keys() - after.keys()):
        yield f"{_below(at, name)}: field removed or renamed"
    for name in sorted(set(new.node.get("required", ())) - set(old.node.get("required", ()))):
        yield f"{_below(at, name)}: {'made required' if name in before else 'new and required'}"
    for name in sorted(set(old.node.get("required", ())) - set(new.node.get("required", ()))):
        if name in after:
            yield f"{_below(at, name)}: no longer sure to be there"
    for name in sorted(before.keys() & after.keys()):
        yield from _compare(_below(at, name), old.child(before[name]), new.child(after[name]))


def _compare_alternatives(at: str, old: _Resolved, new: _Resolved) -> Iterable[str]:
    """Compare `X | null` with `X | null`: the parts of one JSON type face each other."""
    if "anyOf" not in old.node or "anyOf" not in new.node:
        return
    after = [new.child(part) for part in new.node["anyOf"]]
    for part in map(old.child, old.node["anyOf"]):
        for other in after:
            if part.types == other.types:
                yield from _compare(at, part, other)
                break


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
