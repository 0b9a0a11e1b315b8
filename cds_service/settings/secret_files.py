"""Values that stand in files, as secrets are handed to containers."""

from collections.abc import Mapping

from cds_service.settings.names import PREFIX, SECRETS, secret_file

_MOST_BYTES = 4096


def read_secrets(given: Mapping[str, str], sentences: list[str]) -> dict[str, str]:
    """The values that stand in files; what is wrong with a file is added to `sentences`, never what stands in it."""
    found: dict[str, str] = {}
    for field in SECRETS:
        name, path = secret_file(field), given.get(secret_file(field), "")
        if not path:
            continue
        if given.get(PREFIX + field.upper()):
            sentences.append(f"{PREFIX}{field.upper()} and {name} are both set; give one of them.")
        try:
            found[field] = _read(path)
        except OSError as error:
            sentences.append(f"{name} names a file that cannot be read: {error.strerror}.")
        except _NoSecret as fault:
            sentences.append(f"{name} names a file that {fault}.")
    return found


class _NoSecret(Exception):
    """What a file holds instead of a secret."""


def _read(path: str) -> str:
    """The text of a file without the line end after it; no more is read than may be there."""
    with open(path, "rb") as file:
        held = file.read(_MOST_BYTES + 1)
    if len(held) > _MOST_BYTES:
        raise _NoSecret(f"is too long; allowed are {_MOST_BYTES} bytes")
    try:
        text = held.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise _NoSecret("is not UTF-8; allowed is text in UTF-8") from None
    if not text:
        raise _NoSecret("is empty; it must hold the value")
    return text
