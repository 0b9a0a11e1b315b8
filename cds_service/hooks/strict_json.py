"""JSON as RFC 8259 has it, read strictly: what the fast decoder lets through or cannot explain."""

import json
import math
import re
from typing import NoReturn

import msgspec

from cds_service.hooks.refused import Refused, quoted

MAX_DIGITS = 40
_OPEN_CLOSE = bytes.maketrans(b"[]", b"{}")
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
# Possessive: an endless row of escapes costs neither time nor memory beyond its length.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused(400, f"The member name {quoted(_repeated(pairs))} stands twice in one object; allowed is once.")
    return found


def _repeated(pairs: list[tuple[str, object]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _constant(word: str) -> NoReturn:
    raise Refused(400, f"The body contains {word}, which is not JSON; a number must be finite.")


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else math.inf


def _tame_float(digits: str) -> float | str:
    value = float(digits)
    return value if math.isfinite(value) else digits


def _tame_int(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_DIGITS else digits


_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_constant=_constant)
# Only the numbers are changed: what else is wrong with a piece has been judged before.
_TAME = json.JSONDecoder(parse_float=_tame_float, parse_int=_tame_int)


def read_strict(body: bytes) -> object:
    """The value of a JSON text; a number too large to hold becomes infinity.

    Raises `Refused` (400) with a sentence that says what is wrong and where: byte order mark, bad UTF-8, a name that
    stands twice, NaN or Infinity, a trailing comma, half a surrogate pair, nesting beyond the decoder's stack.
    """
    text = _text(body)
    try:
        value: object = _STRICT.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise Refused(400, _syntax_sentence(error)) from None
    except UnicodeEncodeError:
        raise Refused(400, "A string contains half of a surrogate pair, which is not a character.") from None
    except RecursionError:
        raise Refused(400, "The body is nested too deeply.") from None
    return value


def _text(body: bytes) -> str:
    if body.startswith(_BOMS):
        raise Refused(400, "The body starts with a byte order mark; send UTF-8 JSON without one.")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Refused(400, f"The body is not valid UTF-8 at byte {error.start}.") from None
    if not text.strip():
        raise Refused(400, "The body is empty; a JSON object is expected.")
    return text


def _syntax_sentence(error: json.JSONDecodeError) -> str:
    """What is wrong and where, without repeating the body."""
    where = f"line {error.lineno} column {error.colno}"
    if _after_comma(error.doc, error.pos):
        return f"The body is not JSON: a trailing comma before {where}."
    reason = error.msg.split(" (")[0].rstrip(":")
    return f"The body is not JSON at {where}: {reason[:1].lower()}{reason[1:]}."


def _after_comma(text: str, position: int) -> bool:
    # Newer Pythons point at the comma, older ones at what follows it.
    before, after = text[:position].rstrip(), text[position:].lstrip()
    if after.startswith(","):
        after, before = after[1:].lstrip(), before + ","
    return before.endswith(",") and after[:1] in {"}", "]"}


def tame_numbers(raw: bytes) -> bytes:
    """The same JSON with every number too large to hold (1e400, more than 40 digits) written as a string.

    For a piece that the typed decoder refuses with "out of range": one absurd number must cost its own value only.
    """
    return msgspec.json.encode(_TAME.decode(bytes(raw).decode()))


def check_depth(body: bytes, limit: int) -> None:
    """Refuse (400) a body whose objects and arrays are nested deeper than `limit`.

    For a body that is known to be JSON. Works on the brackets alone, innermost pairs first. Brackets inside strings are
    looked at only where the quick count does not come out even; a body made to deceive it meets the decoder's own
    recursion limit, also refused.
    """
    brackets = body.translate(_OPEN_CLOSE, _ALL_BUT_BRACKETS)
    if _collapses(brackets, limit):
        return
    if not _collapses(_STRING.sub(b"", body).translate(_OPEN_CLOSE, _ALL_BUT_BRACKETS), limit):
        raise Refused(400, f"The body is nested too deeply; allowed are {limit} levels.")


def _collapses(brackets: bytes, limit: int) -> bool:
    for _ in range(limit):
        before = len(brackets)
        brackets = brackets.replace(b"{}", b"")
        if len(brackets) == before:
            break
    return not brackets
