"""Logs: one line an event, facts in the past tense with fields, secrets taken out last.

Redaction is one processor behind all others, so no call site has to remember it.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

SECRET_KEYS = re.compile(r"key|secret|token|mnemonic|signature|authorization|cookie|password", re.I)
SECRET_TEXT = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")
TEXT_MAX = 512

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out whatever looks like a secret, cut long texts, and keep one event on one line."""
    for name, value in event.items():
        if SECRET_KEYS.search(name):
            event[name] = "[redacted]"
        elif name == "exception":
            event[name] = SECRET_TEXT.sub("[redacted]", str(value))
        elif isinstance(value, str):
            text = SECRET_TEXT.sub("[redacted]", value)
            text = text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "…"
            event[name] = text.translate(_CONTROL)
        elif isinstance(value, BaseException):
            event[name] = SECRET_TEXT.sub("[redacted]", repr(value))[:TEXT_MAX]
    return event


# Venue text may hold line breaks or terminal escapes; neither may forge a log line.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127)}


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
