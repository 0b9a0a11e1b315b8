"""What words beside a result say of its specimen: another fluid than blood, or red cells broken in the tube."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cds_service.terminology.memory import remember

_NO = r"\b(?:no|not|non|without|free of|nil)[ -]+(?:\w+ ){0,2}(?:%s)"
_NONE = r"(?:%s)(?: index)?\s*+[:=-]?\s*+(?:none|negative|absent|normal|not|no|nil|0)\b"
# Endings are bounded and blanks taken once: the time to look through a text grows with its length, not faster.
_LONGEST_ENDING = 60


@dataclass(frozen=True, slots=True)
class Specimens:
    """The words of `labs.yaml` under `specimens`; in them `*` stands for the rest of a word."""

    elsewhere_words: re.Pattern[str]
    broken_words: re.Pattern[str]
    not_broken_words: re.Pattern[str]
    _seen: dict[tuple[str, ...], str] = field(default_factory=dict)

    def elsewhere(self, text: str) -> str:
        """The word that names another fluid than blood, or ""."""
        found = self._seen.get((text,))
        if found is None:
            match = self.elsewhere_words.search(text)
            found = remember(self._seen, (text,), match.group(0).lower() if match else "")
        return found

    def broken(self, text: str) -> bool:
        """Whether the text says that red cells broke, and does not deny it."""
        return bool(self.broken_words.search(text) and self.broken_words.search(self.not_broken_words.sub(" ", text)))


def build_specimens(listed: Mapping[str, Any]) -> Specimens:
    """The words of `labs.yaml`, ready to look for."""
    broken = _any_of(listed["broken"])
    return Specimens(
        re.compile(rf"\b(?:{_any_of(listed['elsewhere'])})\b", re.IGNORECASE),
        re.compile(broken, re.IGNORECASE),
        re.compile(f"{_NO % broken}|{_NONE % broken}", re.IGNORECASE),
    )


def _any_of(phrases: Iterable[str]) -> str:
    ending = rf"\w{{0,{_LONGEST_ENDING}}}+"
    return "|".join(re.escape(phrase).replace(r"\*", ending).replace(r"\ ", " ") for phrase in phrases)
