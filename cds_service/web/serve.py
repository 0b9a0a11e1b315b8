"""Running the service: granian in this process, the application in its workers."""

import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any
from urllib.parse import quote

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server
from granian.server.common import AbstractServer

from cds_service.hooks import SERVICES
from cds_service.settings import Settings

_TARGET = "cds_service.web.build:build_app"
# Threads beyond those that may work on calls: they answer the health routes, and refuse the call that is one too many.
_SPARE_THREADS = 8
_HEADER_MILLISECONDS = 5000
_RESPAWN_SECONDS = 0.5
_STOP_SECONDS = 30
_TO_STOP = (signal.SIGINT, signal.SIGTERM)
_LOG = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(message)s"}},
    "handlers": {"stderr": {"formatter": "plain", "class": "logging.StreamHandler", "stream": "ext://sys.stderr"}},
    "loggers": {"_granian": {"handlers": ["stderr"], "level": "ERROR", "propagate": False}},
}


def serve(settings: Settings, target: str = _TARGET) -> None:
    """Answer calls until told to stop (SIGTERM or SIGINT: running calls finish, then exit code 0).

    Each worker builds its own application from the environment by `target`, "module:function". What a person needs
    to connect is printed to standard error as soon as the first worker answers. Exits with a code that is not 0 when
    the workers cannot start.
    """
    server = Server(target, **server_options(settings))
    server.on_shutdown(_stay_stopped)
    threading.Thread(target=_announce, args=(settings, server), daemon=True).start()
    server.serve(target_loader=_load)


def _load(target: str) -> Callable[..., Any]:
    """The application of a worker, in that worker. One told to stop while it loads ends when it has loaded.

    Granian listens to signals from the moment it has the application; what came before would be lost, and the worker
    killed half a minute later.
    """
    module, _, name = target.partition(":")
    application: Callable[..., Any] = getattr(import_module(module), name)()
    inherited = signal.getsignal(signal.SIGTERM)  # of the process that forked this one: it has noted what came
    for number in _TO_STOP:
        signal.signal(number, signal.SIG_DFL)
    if getattr(getattr(inherited, "__self__", None), "interrupt_signal", False):
        raise SystemExit(0)
    return application


def server_options(settings: Settings) -> dict[str, Any]:
    """How granian serves, the same in both profiles.

    A call never waits for a thread: there are more of them than calls that may be worked on, and whoever comes beyond
    that is refused at once. `backpressure` counts connections, idle ones too; beyond it they wait to be accepted.
    """
    return {
        "address": settings.host,
        "port": settings.port,
        "interface": Interfaces.WSGI,
        "http": HTTPModes.http1,
        "http1_settings": HTTP1Settings(header_read_timeout=_HEADER_MILLISECONDS),
        "websockets": False,
        "workers": settings.worker_count,
        "blocking_threads": settings.max_in_flight + _SPARE_THREADS,
        "backpressure": settings.max_connections,
        "respawn_failed_workers": True,
        "respawn_interval": _RESPAWN_SECONDS,
        "workers_kill_timeout": _STOP_SECONDS,
        "log_level": LogLevels.error,
        "log_dictconfig": _LOG,
    }


def _stay_stopped() -> None:
    """Told to stop again when all is stopped: Python, as it ends, would let that signal kill it, which is no code 0."""
    for number in _TO_STOP:
        signal.signal(number, signal.SIG_IGN)


def _announce(settings: Settings, server: AbstractServer[Any]) -> None:
    # Until the workers are forked this thread only sleeps: a lock held here at that moment would stay locked in them.
    while len(server.wrks) < settings.worker_count:
        time.sleep(0.05)
    if _answers(settings):
        sys.stderr.write("\n".join(greeting(settings)) + "\n")
        sys.stderr.flush()


def _answers(settings: Settings, seconds: float = 60.0) -> bool:
    """Wait until a worker answers."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", ""} else settings.host  # noqa: S104 - compared, not bound
    host = "[::1]" if host == "::" else f"[{host}]" if ":" in host else host
    address = f"http://{host}:{settings.port}/livez"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never by a proxy of the environment
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with direct.open(address, timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def greeting(settings: Settings) -> Iterator[str]:
    """What to paste where, a line each."""
    base = settings.public_url
    if settings.profile == "production":
        yield f"Cramp CDS, profile production: callers are those of {settings.clients_file}."
        yield f"  discovery  {base}/cds-services"
        yield f"  records    {settings.data_dir}"
        return
    origins = ", ".join(settings.cors_origins) or "none"
    yield f"Cramp CDS, profile {settings.profile}: synthetic data only, not for clinical use."
    yield f"  discovery  {base}/cds-services"
    yield f"  sandbox    https://sandbox.cds-hooks.org/?serviceDiscoveryURL={quote(base + '/cds-services', safe='')}"
    post = f"curl -s -H 'Content-Type: application/json' --data @- {base}/cds-services/cramp-order-select"
    yield f"  try        cramp-cds request ada | {post}"
    yield f"  services   {', '.join(SERVICES)}"
    yield f"  callers    no JWT needed here; CORS: {origins}"
    yield f"  records    {settings.data_dir}"
