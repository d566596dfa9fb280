"""URLs as they may be shown, and the proxies that the environment names."""

from __future__ import annotations

import pytest

from market.errors import OperatorError
from venue.address import Proxy, hidden, proxy_for, shown, under

VENUE = "wss://venue.example/ws"


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        (VENUE, VENUE),
        ("wss://venue.example/v1/ws?key=s3cret&x=1", "wss://venue.example/v1/ws?***"),
        ("https://me:s3cret@venue.example:8443/a", "https://***@venue.example:8443/a"),
        ("wss://[::1/ws?key=s3cret", "wss://[::1/ws"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_what_it_hides(url: str, seen: str) -> None:
    assert shown(url) == seen
    assert shown(seen) == seen


def test_a_text_keeps_nothing_of_a_url_s_secrets() -> None:
    url = "https://venue.example/info?key=s3cret"
    text = f"HTTP 403 from {url}; url='/info?key=s3cret'"
    assert hidden(text, url) == "HTTP 403 from https://venue.example/info?***; url='/info?***'"
    assert hidden("plain", VENUE) == "plain"
    assert "s3cret" not in hidden("proxy me:s3cret@host", "http://me:s3cret@host")


def test_a_path_goes_before_the_query() -> None:
    assert under("https://venue.example/a/?key=k", "/info") == "https://venue.example/a/info?key=k"
    assert under("https://venue.example", "/info") == "https://venue.example/info"


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        (VENUE, {}, None),
        (VENUE, {"http": "http://p:1"}, None),
        (VENUE, {"https": "http://p:3128"}, Proxy("p", 3128)),
        (VENUE, {"https": "http://p:1", "wss": "http://q:2"}, Proxy("q", 2)),
        (VENUE, {"https": "http://p:1", "ws": "http://q:2"}, Proxy("q", 2)),
        (VENUE, {"all": "p:8080"}, Proxy("p", 8080)),
        ("ws://venue.example/ws", {"http": "http://p"}, Proxy("p", 80)),
        ("https://venue.example", {"https": "http://me:pa%40ss@p:1"}, Proxy("p", 1, "me", "pa@ss")),
        ("https://venue.example", {"ws": "http://q:2"}, None),
        (VENUE, {"https": "http://p:1", "no": "other, .example"}, None),
        (VENUE, {"https": "http://p:1", "no": "*"}, None),
        (VENUE, {"https": "http://p:1", "no": "example.com"}, Proxy("p", 1)),
        ("ws://127.0.0.1:8000/ws", {"all": "http://p:1"}, None),
        ("http://localhost:8000", {"http": "http://p:1"}, None),
        ("ws://[::1]:8000/ws", {"all": "http://p:1"}, None),
    ],
)
def test_a_proxy_is_found_where_others_find_it(
    url: str, environment: dict[str, str], proxy: Proxy | None
) -> None:
    assert proxy_for(url, environment) == proxy


@pytest.mark.parametrize(
    "text", ["socks5://me:s3cret@p:1080", "https://p:1", "http://p:port", "x://"]
)
def test_a_proxy_that_is_not_spoken_to_is_refused_in_words(text: str) -> None:
    with pytest.raises(OperatorError, match=r"https_proxy .*: only proxies like http://") as error:
        proxy_for(VENUE, {"https": text})
    assert "s3cret" not in str(error.value)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("wss_proxy", "ws_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert proxy_for(VENUE) is None
    monkeypatch.setenv("HTTPS_PROXY", "http://p:3128")
    assert proxy_for(VENUE) == Proxy("p", 3128)
    assert Proxy("p", 3128, "me", "s3cret").url == "http://p:3128"
