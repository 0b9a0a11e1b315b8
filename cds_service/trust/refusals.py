"""Why a caller is turned away; the words are for the log, never for the answer."""


class Unauthorized(Exception):
    """No caller could be made out. `reason` is a fixed word for the log; the answer is the same for every reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Throttled(Exception):
    """A known client calls too often. `seconds` until a call is taken again."""

    def __init__(self, client: str, seconds: int) -> None:
        super().__init__(f"{client} calls too often")
        self.client = client
        self.seconds = seconds


class Unavailable(Exception):
    """No replay store can be written, so no token can be told from its copy. The token itself may be good."""


class ConfigurationError(Exception):
    """The service may not start so. `sentences` names every fault."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences
