"""Configuration files: whatever is in one, the answer is a line with the remedy."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from daemon.config.load import BYTES_MAX, load
from market.errors import OperatorError


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (codecs.BOM_UTF8 + b"seed = 1\n", "byte order mark (BOM) of UTF-8"),
        ("seed = 1\n".encode("utf-16"), "byte order mark (BOM) of UTF-16"),
        (codecs.BOM_UTF32_LE + b"s\0\0\0", "byte order mark (BOM) of UTF-32"),
        (b"seed = " + b"[" * 50_000, "nested too deeply"),
        (b"seed = " + b"{a=" * 50_000, "nested too deeply"),
        (b"seed = " + b"9" * 5_000, "not TOML (Exceeds the limit"),
        (b"x = '\xff'\n", "not TOML ('utf-8' codec"),
        (b"#" * (BYTES_MAX + 1), "larger than 1 MB"),
        (b"seed = '" + b"9" * 5_000 + b"'", "seed: "),
        (b"coins = [" + b"1," * 5_000 + b"]", "coins.0: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_none_is_told_in_one_short_line(
    raw: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "gnomon.toml"
    path.write_bytes(raw)
    with pytest.raises(OperatorError) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and words in text, text
    assert "\n" not in text


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(OperatorError, match="/dev/zero: larger than 1 MB"):
        load(Path("/dev/zero"))
