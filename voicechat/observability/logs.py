"""Set up the log: one event a line on standard error, with ids, without secrets or what was said.

Any module logs with ``structlog.get_logger()`` and names its event; the ids in `CONTEXT_KEYS` come
from context variables (`structlog.contextvars.bound_contextvars`), which child tasks inherit.
Libraries that use the standard library's logging pass through the same renderer.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO

import structlog

from voicechat.observability.scrub import hide_transcripts, scrub_secrets

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from structlog.typing import EventDict, Processor

    from voicechat.settings import Log

CONTEXT_KEYS = ("correlation_id", "connection_id", "session_id", "turn_id")
"""Ids that are bound as context variables where a connection, session or turn begins."""

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure(settings: Log, *, stream: TextIO | None = None) -> None:
    """Direct everything that is logged from now on.

    Args:
        settings: Level, shape, and whether what was said is logged.
        stream: Where to write; None is standard error.
    """
    out = sys.stderr if stream is None else stream
    level = _LEVELS[settings.level]
    wants_console = settings.format == "console" or (settings.format == "auto" and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _scrub,
    ]
    if not settings.transcripts and level > logging.DEBUG:
        shared.append(_hide_transcripts)
    renderer = (
        structlog.dev.ConsoleRenderer(
            colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if wants_console
        else structlog.processors.JSONRenderer(default=repr, ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,  # tests and commands configure more than once a process
    )
    _route_standard_logging(shared, renderer, out, max(level, logging.WARNING))


def _route_standard_logging(
    shared: list[Processor], renderer: Processor, out: TextIO, level: int
) -> None:
    """Give libraries the same line shape; below warnings they repeat what we log."""
    handler = logging.StreamHandler(out)
    handler.setLevel(level)  # the root's own level does not hold for loggers that have one
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)  # ours, of an earlier call
    root.addHandler(handler)
    root.setLevel(level)
    # These two attach handlers and levels of their own, which would write a second, unlike line.
    for name in ("hypercorn.error", "hypercorn.access", "quart.app", "quart.serving"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(logging.NOTSET)


def _scrub(_logger: object, _method: str, event: MutableMapping[str, object]) -> EventDict:
    return scrub_secrets(event)


def _hide_transcripts(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> EventDict:
    return hide_transcripts(event)
