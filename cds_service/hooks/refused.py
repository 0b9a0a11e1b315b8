"""The one way to say no to a caller: a status, a sentence, and where in the body."""

MAX_QUOTED = 60


class Refused(Exception):
    """A call that cannot be answered with cards.

    `message` is the sentence for the OperationOutcome: what was found, what is allowed. `pointer` is the JSON Pointer
    of the member concerned, empty where the whole body is meant. Neither holds patient data.
    """

    def __init__(self, status: int, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.pointer = pointer


def kind_of(value: object) -> str:
    """The JSON type of a value in words, for sentences that must not repeat the value itself."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string" if value.strip() else "an empty string"
    return "an array" if isinstance(value, list) else "an object"


def quoted(text: str) -> str:
    """A short piece of client text in quotation marks: printable characters only, cut at 60."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:MAX_QUOTED])
    return f'"{shown}…"' if len(text) > MAX_QUOTED else f'"{shown}"'
