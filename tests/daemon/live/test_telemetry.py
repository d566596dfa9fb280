from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from daemon.live.telemetry import TEXT_MAX, configure, log, redact

KEY = "ab" * 32


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Return where log lines go, and put logging back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure("debug", stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_an_event_is_one_line_with_its_fields(out: io.StringIO) -> None:
    log.info("feed up", url="ws://x", coins=8)
    (line,) = out.getvalue().splitlines()
    assert re.match(r"\d{4}-\d\d-\d\dT\S+Z \[info", line)
    assert "feed up" in line and "url=ws://x" in line and "coins=8" in line


@pytest.mark.parametrize(
    "value",
    [
        KEY,
        "0x" + KEY.upper(),
        f"signed with 0x{KEY}, twice {KEY}",
        [KEY],
        {"deep": {"er": ["0x" + KEY]}},
        (1, KEY),
        KEY.encode(),
        Path("/tmp") / KEY,
        ValueError(f"bad key {KEY}"),
        {KEY: 1},
        {"order": [{"agent_key": "short"}]},
    ],
    ids=lambda v: type(v).__name__,
)
def test_anything_that_looks_like_a_private_key_is_taken_out_wherever_it_hides(
    value: Any, out: io.StringIO
) -> None:
    log.info("saw", what=value)
    log.info(f"in the event itself {KEY}")
    log.info("named", private_key="short", Secret=1, api_token="t", X_Signature="s", cookie="c")
    text = out.getvalue()
    assert KEY not in text.lower()
    assert text.count("[redacted]") >= 7
    assert "short" not in text


@pytest.mark.parametrize(
    "name", ["key", "agent_key", "SECRET", "token", "mnemonic", "signature", "Authorization",
             "cookie", "password"],
)  # fmt: skip
def test_fields_that_are_named_like_secrets_are_taken_out(name: str) -> None:
    assert redact(None, "info", {name: "anything"}) == {name: "[redacted]"}


def test_a_digest_of_half_the_length_is_no_secret() -> None:
    assert redact(None, "", {"digest": "ab" * 16, "n": 7, "x": 1.5, "none": None, "yes": True}) == {
        "digest": "ab" * 16, "n": 7, "x": 1.5, "none": None, "yes": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "a\n2026-11-23 [error] forged",
        "carriage\rreturn",
        "\x1b[2Jclear",
        "\x9b31mred",
        "bell\x07",
        "del\x7f",
        "nul\x00",
        "line\u2028separator",
        "next\x85line",
    ],
    ids=ascii,
)
def test_venue_text_can_neither_break_a_line_nor_reach_the_terminal(
    text: str, out: io.StringIO
) -> None:
    log.warning("venue said", message=text)
    log.warning(text)
    log.warning("listed", items=[text], error=ValueError(text))
    written = out.getvalue()
    assert len(written.splitlines()) == 3
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", written)


def test_an_exception_s_text_cannot_reach_the_terminal_either(out: io.StringIO) -> None:
    try:
        raise ValueError(f"\x1b[2J {KEY}\n2026-11-23T00:00:00Z [info] forged")
    except ValueError:
        log.exception("failed")
    written = out.getvalue()
    assert "Traceback" in written and "[redacted]" in written
    assert "\x1b" not in written and KEY not in written
    assert sum(line.startswith("2026") for line in written.splitlines()) == 1


def test_long_texts_are_cut(out: io.StringIO) -> None:
    log.info("long", text="x" * 10_000, many=["y" * 10_000])
    assert len(out.getvalue()) < 2 * TEXT_MAX + 200


@given(event=st.dictionaries(st.text(max_size=5), st.text(max_size=80), max_size=4))
def test_redaction_never_raises_and_is_idempotent(event: dict[str, str]) -> None:
    once = dict(redact(None, "", dict(event)))
    assert dict(redact(None, "", dict(once))) == once


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("debug", {"debug", "info", "warning", "error"}),
        ("info", {"info", "warning", "error"}),
        ("warning", {"warning", "error"}),
        ("error", {"error"}),
    ],
)
def test_levels_keep_back_what_is_less_important(
    level: str, said: set[str], out: io.StringIO
) -> None:
    configure(level, out)
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)(f"at {name}")
    assert {line.split(" at ")[1].strip() for line in out.getvalue().splitlines()} == said


def test_libraries_and_warnings_go_the_same_way_and_chatter_is_kept_back(
    out: io.StringIO,
) -> None:
    library = logging.getLogger("some.library")
    library.info("signed payload %s", KEY)
    library.warning("payload %s\nforged", KEY)
    try:
        raise ValueError(KEY)
    except ValueError:
        library.exception("failed")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn(f"careful with {KEY}", UserWarning, stacklevel=1)
    text = out.getvalue()
    assert KEY not in text and "forged" in text and "careful with" in text
    assert "signed payload" not in text
    assert not any(line.startswith("forged") for line in text.splitlines())
