"""One line of log for each request, made of an allow-list of fields: nothing a patient could be known by."""

import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from cds_service.settings import Settings

if "rich" not in sys.modules:
    # structlog loads rich wherever it is installed; a worker has no terminal to draw on and no memory to spare.
    cast("dict[str, Any]", sys.modules)["rich"] = None
    import structlog

    del sys.modules["rich"]
else:
    import structlog

Log = structlog.typing.FilteringBoundLogger
Fields = MutableMapping[str, Any]
FIELDS = (
    "ts",
    "level",
    "event",
    "request_id",
    "decision_id",
    "service",
    "method",
    "route",
    "status",
    "ms",
    "cards",
    "client",
    "refused",
    "repeat",
    "lacking",
    "failed",
    "unfetched",
    "error",
    "frames",
)
_encode = msgspec.json.Encoder().encode


class _StandardError:
    """Where log lines go. One that cannot be written is lost: a closed pipe or a full disk never costs an answer."""

    def write(self, line: str) -> None:
        """One line, whole, at once."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    debug = info = warning = error = write


def make_log(settings: Settings) -> Log:
    """A logger that writes to standard error: JSON lines, or text for a terminal."""
    render = _as_json if settings.log_format == "json" else structlog.processors.KeyValueRenderer(drop_missing=True)
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    logger: Log = structlog.wrap_logger(
        _StandardError(),
        processors=[only_allowed, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    return logger


def only_allowed(_logger: object, method: str, fields: Fields) -> Fields:
    """The fields of the allow-list, in its order, with time and level; whatever else was handed in is left out."""
    fields["ts"], fields["level"] = datetime.now(UTC).isoformat().replace("+00:00", "Z"), method
    return {name: fields[name] for name in FIELDS if name in fields}


def _as_json(_logger: object, _method: str, fields: Fields) -> str:
    return _encode(fields).decode()


def crash_facts(error: BaseException) -> Mapping[str, object]:
    """What may be said of a crash: its type, the system error behind it, and the places in the code.

    Never its own words, which may quote the chart.
    """
    frames = traceback.extract_tb(error.__traceback__)
    cause = error.__cause__
    name = type(error).__name__
    if isinstance(cause, OSError) and cause.errno:
        name = f"{name}: {os.strerror(cause.errno)}"
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
    return {"error": name, "frames": places}
