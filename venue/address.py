"""Addresses of a venue as they may be shown, and the proxy that the environment names for them.

Providers of the same wire put an API key into the query of the URL, and a proxy's URL may hold a
password: both are secrets, in logs, errors, tapes and databases alike.
"""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from urllib.request import getproxies_environment

from market.errors import OperatorError

HIDDEN = "***"
# In the order in which they are looked for, beside those in capitals.
PROXIES = {
    "wss": ("wss", "ws", "https", "all"),
    "ws": ("ws", "http", "all"),
    "https": ("https", "all"),
    "http": ("http", "all"),
}


class Proxy(NamedTuple):
    """An HTTP proxy: where it is, the user and password it wants ("" for none)."""

    host: str
    port: int
    user: str = ""
    password: str = ""

    @property
    def url(self) -> str:
        """Return the address without user and password."""
        return f"http://{self.host}:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """Return what the proxy wants to be told by whoever uses it."""
        if not self.user:
            return {}
        known = b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"Proxy-Authorization": f"Basic {known}"}


def shown(url: str) -> str:
    """Return a URL without user, password and query."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return url.partition("?")[0].rpartition("@")[2]
    user = f"{HIDDEN}@" if "@" in parts.netloc else ""
    query = HIDDEN if parts.query else ""
    return urlunsplit(SplitResult(parts.scheme, user + host, parts.path, query, parts.fragment))


def hidden(text: str, url: str) -> str:
    """Return a text in which nothing of a URL's secrets is left."""
    text = text.replace(url, shown(url))
    try:
        parts = urlsplit(url)
    except ValueError:
        return text
    user = parts.netloc.rpartition("@")[0]
    for secret in (parts.query, user):
        if secret:
            text = text.replace(secret, HIDDEN)
    return text


def under(url: str, path: str) -> str:
    """Return the URL of a path below another, which may have a query."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


def proxy_for(url: str, environment: Mapping[str, str] | None = None) -> Proxy | None:
    """Return the proxy that a URL is to be reached through, None for none.

    `wss_proxy`, `ws_proxy`, `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy` in lower or
    upper case. Loopback is always reached directly. Raises OperatorError for a proxy that speaks
    anything but plain HTTP.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    named = dict(environment) if environment is not None else getproxies_environment()
    if _is_loopback(host) or _is_excepted(host, named.get("no", "")):
        return None
    name = next((n for n in PROXIES.get(parts.scheme, ()) if named.get(n)), None)
    if name is None:
        return None
    text = named[name] if "://" in named[name] else f"http://{named[name]}"
    try:
        found = urlsplit(text)
        port, proxy_host = found.port or 80, found.hostname
    except ValueError:
        proxy_host = None
    if proxy_host is None or found.scheme != "http":
        raise OperatorError(
            f"{name}_proxy {shown(text)!r}: only proxies like http://host:port are spoken to; "
            f"unset it, or name this venue in no_proxy"
        )
    return Proxy(proxy_host, port, unquote(found.username or ""), unquote(found.password or ""))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_excepted(host: str, names: str) -> bool:
    """Say whether `no_proxy` names a host: itself, a domain it is of, or everything."""
    excepted = [name.strip().lstrip(".").lower() for name in names.split(",")]
    host = host.lower()
    return "*" in excepted or any(n and (host == n or host.endswith(f".{n}")) for n in excepted)
