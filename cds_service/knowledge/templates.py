"""Texts of cards: plain words with `{{placeholders}}`, read once, filled for each finding, escaped by kind of text."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from cds_service.knowledge.placeholders import NAMES, Filler, Moment, find_placeholder, shortened
from cds_service.knowledge.references import References
from cds_service.knowledge.spot import Spot

PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
# Control and direction-changing characters: they could forge lines or turn text round.
_UNSAFE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\ud800-\\udfff]+")
# What means something to Markdown anywhere in a line; at its start a few marks more; and what becomes a link by itself.
_MARKDOWN = re.compile(r"([\\`*_\[\]#!|~])")
_LINE_START = re.compile(r"^([-+=:]|[0-9]+(?=[.)](?: |$)))")
_LINK = re.compile(r"(?i)(://|www\.|@)")
# Most names and values are words with single marks between them that mean nothing there ("1) " at the start would), and
# decimal points. No possessive quantifier: in Python before 3.11.5 such a pattern matches no whole text.
_HARMLESS = re.compile(
    r"(?![0-9]+\)(?: |\Z))[A-Za-z0-9]+(?:(?: ?[,;%/)-] ?\(?| \(?|(?<=[0-9])\.(?=[0-9]))[A-Za-z0-9]+)*\)?"
)
LONGEST_FOREIGN = 120
LONGEST_LABEL = 100
SHORTEST_NAME = 12

Escape = Callable[[str], str]


class Part(NamedTuple):
    """A stretch of text, or a placeholder (then `filler` is set)."""

    text: str
    filler: Filler | None = None


class Template(NamedTuple):
    """A text in parts."""

    parts: tuple[Part, ...]

    def fill(self, moment: Moment, escape: Escape, short: Mapping[str, int] | None = None) -> str:
        """The text for one finding. Foreign words are escaped; `short` cuts a placeholder to a length."""
        shown = []
        for text, filler in self.parts:
            if filler is None:
                shown.append(text)
                continue
            room = short.get(filler.name) if short else None
            value = filler.fill(moment) if room is None else filler.cut(moment, room)
            shown.append(escape(value) if filler.foreign else value)
        return "".join(shown)

    @property
    def names(self) -> tuple[str, ...]:
        """The placeholders in it."""
        return tuple(part.filler.name for part in self.parts if part.filler)


def read_template(spot: Spot, references: References, text: str | None = None) -> Template:
    """Read a text; an unknown placeholder is refused with the allowed ones."""
    written = spot.text() if text is None else text
    parts: list[Part] = []
    end = 0
    for match in PLACEHOLDER.finditer(written):
        parts.append(Part(written[end : match.start()]))
        parts.append(Part(match[0], find_placeholder(match[1], spot, references)))
        end = match.end()
    parts.append(Part(written[end:]))
    for text_part in parts:
        if text_part.filler is None and ("{{" in text_part.text or "}}" in text_part.text):
            spot.fault("a placeholder is written {{name}}: braces without a partner stand here")
    return Template(tuple(part for part in parts if part.text))


def clean(text: str) -> str:
    """A client's text as one line without control or direction-changing characters, at most 120 characters."""
    if len(text) <= LONGEST_FOREIGN and _HARMLESS.fullmatch(text):
        return text
    return shortened(" ".join(_UNSAFE.sub(" ", text).split()), LONGEST_FOREIGN)


def plain_text(text: str) -> str:
    """A client's text for a summary or label: clean, and without the marks that start a tag."""
    return clean(text).replace("<", "‹").replace(">", "›")


def markdown(text: str) -> str:
    """A client's text inside Markdown: clean, Markdown and HTML marks escaped."""
    if len(text) <= LONGEST_FOREIGN and _HARMLESS.fullmatch(text):
        return text
    safe = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    safe = _LINK.sub(lambda match: f"{match[0][0]}&#8203;{match[0][1:]}", _MARKDOWN.sub(r"\\\1", safe))
    return _LINE_START.sub(lambda match: f"&#{ord(match[0][0])};{match[0][1:]}", safe)


def fitted(template: Template, moment: Moment, longest: int) -> str:
    """A text on one line, at most so many characters: names out of the chart are shortened before anything else."""
    text = template.fill(moment, plain_text)
    if len(text) <= longest:
        return text
    lengths = {part.filler.name: len(plain_text(part.filler.fill(moment))) for part in template.parts if part.filler}
    short: dict[str, int] = {}
    for name in dict.fromkeys(name for name in template.names if name in NAMES):
        short[name] = max(lengths[name] - (len(text) - longest), SHORTEST_NAME)
        text = template.fill(moment, plain_text, short)
        if len(text) <= longest:
            break
    return shortened(text, longest)
