"""Logging: one line an event, facts in the past tense with fields, secrets taken out last.

Redaction is one processor behind all others, so no call site has to remember it.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from market.text import visible

SECRET_KEYS = re.compile(r"key|secret|token|mnemonic|signature|authorization|cookie|password", re.I)
SECRET_TEXT = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")
TEXT_MAX = 512
HIDDEN = "[redacted]"

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out whatever looks like a secret, cut long texts, and keep one event on one line."""
    for name, value in event.items():
        if SECRET_KEYS.search(name):
            event[name] = HIDDEN
        elif name == "exception":
            # A traceback has lines of its own; set in, none of them begins like an event.
            lines = SECRET_TEXT.sub(HIDDEN, str(value)).split("\n")
            event[name] = "\n    ".join(map(visible, lines))
        elif not isinstance(value, int | float | None):
            text = value if isinstance(value, str) else repr(_without_secrets(value))
            text = SECRET_TEXT.sub(HIDDEN, text)
            text = text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "…"
            # Venue text may hold line breaks or terminal escapes; neither may forge a log line.
            event[name] = visible(text)
    return event


def _without_secrets(value: object) -> object:
    """Return nested plain data with whatever is named like a secret taken out."""
    if isinstance(value, dict):
        return {
            k: HIDDEN if SECRET_KEYS.search(str(k)) else _without_secrets(v)
            for k, v in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_secrets(v) for v in value]
    return value


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send every log line, also those of libraries, to `stream` (standard output by default)."""
    out = stream or sys.stdout
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0),
            ],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(LEVELS[level], logging.WARNING))
    logging.captureWarnings(True)


log: structlog.stdlib.BoundLogger = structlog.get_logger()
