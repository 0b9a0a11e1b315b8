"""Used tokens in Redis, for several hosts."""

import secrets
from typing import Any, cast

from cds_service.trust.refusals import ConfigurationError
from cds_service.trust.replay import LEEWAY_SECONDS, Sight, StoreDown, Verdict, judged

_SECONDS = 0.5
# A token outlives its end in the store by this much, so that a clock set back does not bring it to life again.
_SPARE_SECONDS = 3600
_NONCE_BYTES = 8
_MEMORY, _SEEN = "{cramp-cds}:memory", "{cramp-cds}:seen:"
# One step on the server: whether its memory is the one we knew (same process), since when, and who came first.
_SPEND = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local held = redis.call('HMGET', KEYS[1], 'run', 'started')
if held[1] ~= run or not held[2] then
    held[2] = ARGV[1]
    redis.call('HSET', KEYS[1], 'run', run, 'started', held[2])
end
if redis.call('SET', KEYS[2], ARGV[2], 'NX', 'EX', ARGV[3]) then return {held[2], ARGV[2]} end
return {held[2], redis.call('GET', KEYS[2])}
"""


class RedisStore:
    """See `replay.ReplayStore`. Redis must keep what it is given: `maxmemory-policy noeviction`."""

    def __init__(self, url: str) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            raise ConfigurationError(
                ["CDS_REPLAY_STORE names Redis, but its driver is missing; install it with the extra [redis]."]
            ) from None
        self._failure = redis.RedisError
        # One more try, for a connection that the server has closed meanwhile; the nonce tells our own first try.
        self._client: Any = redis.Redis.from_url(
            url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=Retry(NoBackoff(), 1)
        )
        self._script = self._client.register_script(_SPEND)

    def spend(self, sight: Sight, now: float) -> Verdict:
        """See `ReplayStore`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        life = max(1, int(sight.until - now) + 1) + _SPARE_SECONDS
        try:
            started, held = cast(
                "tuple[bytes, bytes]",
                self._script(keys=[_MEMORY, _SEEN + sight.key.hex()], args=[repr(now), nonce + sight.body, life]),
            )
        except self._failure as error:
            raise StoreDown(f"Redis: {type(error).__name__}") from error
        if sight.issued < float(started) - LEEWAY_SECONDS:
            return "seen"
        return "new" if held[:_NONCE_BYTES] == nonce else judged(held[_NONCE_BYTES:], sight.body)

    def state(self) -> str:
        """See `ReplayStore`."""
        return "Redis"

    def close(self) -> None:
        """See `ReplayStore`."""
        self._client.close()
