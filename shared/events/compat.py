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
_CHOICES = ("anyOf", "oneOf")
# What is compared part by part.
_STRUCTURAL = {"type", "enum", "const", "properties", "required", "items", "prefixItems", *_CHOICES} | {
    "$defs",
    "additionalProperties",
}
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
    def alternatives(self) -> list["_Resolved"]:
        """The parts of `X | Y`, or the node itself."""
        parts = [part for word in _CHOICES for part in self.node.get(word, ())]
        return [found for part in parts for found in self.child(part).alternatives] if parts else [self]

    @property
    def types(self) -> frozenset[str]:
        """The JSON types allowed; those of alternatives together."""
        if any(word in self.node for word in _CHOICES):
            return frozenset().union(*(part.types for part in self.alternatives))
        allowed = self.node.get("type", ())
        return frozenset({allowed} if isinstance(allowed, str) else allowed)

    @property
    def constraints(self) -> dict[str, Any]:
        return {k: v for k, v in self.node.items() if k not in _ANNOTATIONS | _STRUCTURAL}

    @property
    def of_choice(self) -> dict[str, Any]:
        """What constrains the choice between alternatives, where there is one."""
        return self.constraints if any(word in self.node for word in _CHOICES) else {}


def _compare(at: str, old: _Resolved, new: _Resolved) -> Iterable[str]:
    where = at or "body"
    if gone := old.types - new.types:
        yield f"{where}: type narrowed, no longer {'/'.join(sorted(gone))}"
    if come := new.types - old.types:
        yield f"{where}: type widened, readers do not expect {'/'.join(sorted(come))}"
    yield from _compare_constraints(where, old.of_choice, new.of_choice)
    before, after = _by_types(old), _by_types(new)
    for types in sorted(before.keys() | after.keys(), key=sorted):
        if len(before[types]) == len(after[types]):
            for old_part, new_part in zip(before[types], after[types], strict=True):
                yield from _compare_one(at, old_part, new_part)
        elif not types <= gone and not types <= come:
            yield f"{where}: other alternatives of {'/'.join(sorted(types)) or 'any type'}"


def _by_types(node: _Resolved) -> dict[frozenset[str], list[_Resolved]]:
    """The alternatives, grouped by their JSON types: those of one type face each other."""
    found: dict[frozenset[str], list[_Resolved]] = defaultdict(list)
    for part in node.alternatives:
        found[part.types].append(part)
    return found


def _compare_one(at: str, old: _Resolved, new: _Resolved) -> Iterable[str]:
    """Compare what has no alternatives: values, fields, and what a list or a mapping holds."""
    yield from _compare_values(at or "body", old.node, new.node)
    yield from _compare_properties(at, old, new)
    yield from _compare_held(f"{at}[]", "items", old, new)
    yield from _compare_held(f"{at}{{}}", "additionalProperties", old, new)
    before, after = old.node.get("prefixItems", ()), new.node.get("prefixItems", ())
    if len(before) != len(after):
        yield f"{at or 'body'}: a tuple of {len(before)} became one of {len(after)}"
    for place, (old_part, new_part) in enumerate(zip(before, after, strict=False)):
        yield from _compare(f"{at}[{place}]", old.child(old_part), new.child(new_part))
    yield from _compare_constraints(at or "body", old.constraints, new.constraints)


def _compare_constraints(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[str]:
    if old != new:
        yield f"{where}: constraints changed from {old} to {new}"


def _compare_held(at: str, word: str, old: _Resolved, new: _Resolved) -> Iterable[str]:
    """Compare what each element of a list, or each value of a mapping, must be; nothing said is anything."""
    before, after = (side.node.get(word) for side in (old, new))
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _compare(at, old.child(before), new.child(after))
    elif isinstance(after, dict):
        yield f"{at}: type narrowed, no longer anything"
    elif isinstance(before, dict):
        yield f"{at}: type widened, may be anything"


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


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
