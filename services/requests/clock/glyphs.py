"""Characters that no font at hand can print: a mark 〓 with the code point stands for each, and no sheet stops for it.

Which they are, only the typesetter knows: it names them one at a time when it refuses. Those of GBK are in every
Chinese font, so one of them missing means that there is no such font.
"""

import re
from collections.abc import Set
from typing import Any
from unicodedata import category

_NAMED = re.compile(r'the text `"(.+?)"` could not be displayed with font', re.DOTALL)
_ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")
_CONTROL = ("Cc", "Cs")
_LAYOUT = "\n\r\t"


def named(refusal: str) -> frozenset[str] | None:
    """Return the characters that a refusal of the typesetter names, or None if it refused for another reason."""
    found = _NAMED.search(refusal)
    return frozenset(_ESCAPED.sub(lambda code: chr(int(code[1], 16)), found[1])) if found else None


def common(character: str) -> bool:
    """Whether every Chinese font has it."""
    try:
        return bool(character.encode("gbk")) and category(character) not in _CONTROL
    except UnicodeEncodeError:
        return False


def marked(data: Any, missing: Set[str] | None = frozenset()) -> Any:
    """Return strings, lists and objects of them with a mark for what is `missing`; None: for all but common ones.

    A control character or half a surrogate pair is never printed.
    """
    match data:
        case str():
            return "".join(_shown(character, missing) for character in data)
        case dict():
            return {key: marked(value, missing) for key, value in data.items()}
        case _:
            return [marked(item, missing) for item in data]


def _shown(character: str, missing: Set[str] | None) -> str:
    if character.isascii() and (character.isprintable() or character in _LAYOUT):
        return character
    lost = not common(character) if missing is None else character in missing
    return f"〓（U+{ord(character):04X}）" if lost or category(character) in _CONTROL else character
