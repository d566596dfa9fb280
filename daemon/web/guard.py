"""Who may look, and what a browser may do with what it gets."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from aiohttp import web

from market.errors import OperatorError

COOKIE = "gnomon"
TOKEN_LENGTH_MIN = 24
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Say whether an address is of this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def require_token(host: str, token: str) -> None:
    """Refuse to listen beyond this machine without a token that cannot be guessed."""
    if not is_loopback(host) and not token:
        raise OperatorError(
            f"--host {host}: not of this machine alone, so the page needs --token-file FILE; "
            "or keep to loopback and reach it by `ssh -L 8078:127.0.0.1:8078 SERVER`"
        )
    if token and len(token) < TOKEN_LENGTH_MIN:
        raise OperatorError(
            f"the token is shorter than {TOKEN_LENGTH_MIN} signs; "
            "`openssl rand -hex 24 > FILE` makes a good one"
        )


class Guard:
    """Middleware: the token where there is one, the host's name, reading only, strict headers."""

    def __init__(self, token: str, *, loopback: bool) -> None:
        self._token = token
        self._loopback = loopback

    def refusal(self, request: web.Request) -> web.Response | None:
        """Return why a request is not answered, None where it is."""
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, text="read-only: nothing here can be changed\n")
        # A page elsewhere could give its own name our address, and then read what we answer.
        name = request.host.rsplit(":", 1)[0].strip("[]")
        if self._loopback and not is_loopback(name):
            return web.Response(status=421, text=f"not the page of {name!r}\n")
        given = request.query.get("token", "") or request.cookies.get(COOKIE, "")
        if self._token and not hmac.compare_digest(given.encode(), self._token.encode()):
            return web.Response(status=401, text="open the page once with ?token=…\n")
        return None

    @web.middleware
    async def __call__(self, request: web.Request, handler: object) -> web.StreamResponse:
        """Answer a request, or refuse it; every answer has the headers."""
        refused = self.refusal(request)
        if refused is not None:
            refused.headers.update(HEADERS)
            return refused
        response: web.StreamResponse = await handler(request)  # type: ignore[operator]
        return response

    async def prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Put the headers on an answer, and the token into a cookie once it was right."""
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if self._token and request.query.get("token"):
            # Its own cookies are rendered before this hook.
            response.headers.add(
                "Set-Cookie", f"{COOKIE}={self._token}; HttpOnly; Path=/; SameSite=Strict"
            )
