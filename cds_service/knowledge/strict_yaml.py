"""YAML read strictly: JSON's types only, duplicate keys refused, and the line of every value kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from cds_service.knowledge.faults import Fault, LibraryError

Steps = tuple[str | int, ...]
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")
_WORDS: Mapping[str, object] = {"true": True, "false": False, "null": None}
_QUOTED = ("'", '"', "|", ">")
# The kinds that YAML itself gives a value; any other was written as a tag, to make something of it.
_TAGS = yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG.removesuffix("str")
_KINDS = frozenset(
    _TAGS + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value", "seq", "map")
)
MOST_VALUES = 100_000
# libyaml where PyYAML was built with it: the same language, ten times the speed.
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its `value` in JSON's types and, for each path inside it, the `lines` (from 1)."""

    file: str
    value: object
    lines: Mapping[Steps, int] = field(default_factory=dict)

    def line(self, path: Steps) -> int:
        """The line of the value at `path`, or of the nearest value around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


def read_yaml(path: Path, name: str) -> Document:
    """Read one file; raises `LibraryError` when it is missing, not UTF-8, not YAML or not strict."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LibraryError([Fault(name, 0, f"cannot be read: {error.__class__.__name__}")]) from error
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str) -> Document:
    """Parse YAML text strictly (see the module); `name` stands in the faults."""
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        raise LibraryError([Fault(name, line, f"is not YAML: {getattr(error, 'problem', error)}")]) from error
    lines: dict[Steps, int] = {}
    try:
        value = _construct(node, (), name, lines) if node is not None else None
    except RecursionError as error:  # an alias may hold itself
        raise LibraryError([Fault(name, 0, "is nested too deeply")]) from error
    return Document(name, value, lines)


def _construct(node: yaml.Node, path: Steps, name: str, lines: dict[Steps, int]) -> object:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if node.tag not in _KINDS:
        raise LibraryError([Fault(name, line, f"has the tag {_written(node.tag)}; no tag is allowed")])
    if len(lines) > MOST_VALUES:  # aliases of aliases: a few lines can mean any number of values
        raise LibraryError([Fault(name, line, f"holds more than {MOST_VALUES} values")])
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(child, (*path, index), name, lines) for index, child in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        raise LibraryError([Fault(name, line, "is neither a value, a list nor a mapping")])
    return _mapping(node, path, name, lines)


def _written(tag: str) -> str:
    """A tag as it stands in the file, cut to a length that a sentence can bear."""
    return tag.replace(_TAGS, "!!", 1)[:60]


def _mapping(node: yaml.MappingNode, path: Steps, name: str, lines: dict[Steps, int]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key_node, child in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise LibraryError([Fault(name, line, "a key must be a word")])
        key = str(key_node.value)
        if key in found:
            raise LibraryError([Fault(name, line, f'the key "{key}" stands here twice')])
        lines[(*path, key)] = line
        found[key] = _construct(child, (*path, key), name, lines)
    return found


def _scalar(node: yaml.ScalarNode) -> object:
    """Plain scalars become JSON's types; anything else (dates, `NO`, `012`) stays the text it is."""
    text = str(node.value)
    if node.style in _QUOTED:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return int(text)
    if _NUMBER.match(text):
        return float(text)
    return text
