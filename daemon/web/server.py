"""The web server of the page: routes, static files, and its life as a process."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import web

from daemon.instance.paths import StateDir
from daemon.web.glossary import glossary_page
from daemon.web.guard import Guard, is_loopback, require_token
from daemon.web.metrics import CONTENT_TYPE
from daemon.web.source import Source
from daemon.web.stream import Stream
from market.errors import GnomonError, OperatorError

STATIC = Path(__file__).parent / "static"
BEAT_S = 15.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Page:
    """Handlers of one state's page."""

    def __init__(self, state: StateDir) -> None:
        self.source = Source(state)
        self.stream = Stream(self.source)

    def routes(self) -> list[web.RouteDef]:
        """Return every route."""
        return [
            web.get("/api/status", self.status),
            web.get("/api/panels/coin", self.coin),
            web.get("/api/panels/{name}", self.panel),
            web.get("/api/limit/{name}", self.limit),
            web.get("/api/why/{signal}", self.why),
            web.get("/api/events", self.events),
            web.get("/healthz", self.healthz),
            web.get("/metrics", self.metrics),
            web.get("/glossary", self.glossary),
            *(web.get(path, handler) for path, handler in _static().items()),
        ]

    async def status(self, request: web.Request) -> web.Response:
        """Answer how the daemon is."""
        return _json(msgspec.json.encode(await self.source.health()))

    async def healthz(self, request: web.Request) -> web.Response:
        """Answer 200 while the daemon runs, and 503 with its state when it does not."""
        found = await self.source.health()
        ok = found.state == "running" and found.status is not None and found.status.ready
        return web.Response(
            status=200 if ok else 503, text=f"{found.state} {found.words}".strip() + "\n"
        )

    async def glossary(self, request: web.Request) -> web.Response:
        """Answer the page of words."""
        return web.Response(text=glossary_page(), content_type="text/html")

    async def metrics(self, request: web.Request) -> web.Response:
        """Answer a scrape."""
        body = await self.source.metrics()
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    async def panel(self, request: web.Request) -> web.Response:
        """Answer one panel."""
        try:
            return _json(await self.source.panel(request.match_info["name"]))
        except KeyError:
            return _error(404, f"no panel {request.match_info['name']!r}")
        except GnomonError as error:
            return _error(503, str(error))

    async def coin(self, request: web.Request) -> web.Response:
        """Answer a coin's chart."""
        try:
            return _json(await self.source.coin(request.query.get("name", "")))
        except GnomonError as error:
            return _error(503, str(error))

    async def limit(self, request: web.Request) -> web.Response:
        """Answer one limit opened."""
        name = request.match_info["name"]
        try:
            found = await self.source.limit(name)
        except GnomonError as error:
            return _error(503, str(error))
        return _error(404, f"no limit {name!r}") if found is None else _json(found)

    async def why(self, request: web.Request) -> web.Response:
        """Answer what is known of one signal."""
        text = request.match_info["signal"]
        try:
            found = await self.source.why(int(text)) if text.isdecimal() else None
        except GnomonError as error:
            return _error(503, str(error))
        return _error(404, f"no signal {text}") if found is None else _json(found)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send ticks until the viewer leaves."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        queue = self.stream.join()
        try:
            await response.write(b"retry: 2000\n\n")
            while True:
                try:
                    async with asyncio.timeout(BEAT_S):
                        line = await queue.get()
                except TimeoutError:
                    line = b": still here\n\n"
                await response.write(line)
        except ConnectionError:
            return response
        finally:
            self.stream.leave(queue)

    async def run(self, app: web.Application) -> AsyncIterator[None]:
        """Tell viewers for as long as the server lives."""
        task = asyncio.create_task(self.stream.run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _json(data: bytes) -> web.Response:
    response = web.Response(body=data, content_type="application/json")
    response.enable_compression()
    return response


def _error(status: int, text: str) -> web.Response:
    body = msgspec.json.encode({"error": text})
    return web.Response(status=status, body=body, content_type="application/json")


def _static() -> dict[str, Handler]:
    """Return a handler for each file of the page; they are read once."""
    found: dict[str, Handler] = {}
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            name = path.relative_to(STATIC).as_posix()
            handler = _file(path)
            found[f"/{name}"] = handler
            if name == "page.html":
                found["/"] = handler
    return found


def _file(path: Path) -> Handler:
    body = path.read_bytes()
    etag = hashlib.sha256(body).hexdigest()[:20]
    kind = mimetypes.guess_type(path.name)[0] or "text/plain"
    if path.suffix == ".js":
        kind = "text/javascript"

    async def answer(request: web.Request) -> web.Response:
        headers = {"ETag": f'"{etag}"', "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == f'"{etag}"':
            return web.Response(status=304, headers=headers)
        response = web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)
        response.enable_compression()
        return response

    return answer


def application(state: StateDir, *, token: str = "", loopback: bool = True) -> web.Application:
    """Return the page of a state as an application."""
    guard, page = Guard(token, loopback=loopback), Page(state)
    app = web.Application(middlewares=[guard.__call__])
    app.add_routes(page.routes())
    app.on_response_prepare.append(guard.prepare)
    app.cleanup_ctx.append(page.run)
    return app


async def serve(
    state: StateDir, host: str, port: int, token: str, listening: Callable[[str], None]
) -> None:
    """Serve the page until cancelled; `listening` gets its address once it can be opened."""
    require_token(host, token)
    app = application(state, token=token, loopback=is_loopback(host))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise OperatorError(
                f"{host}:{port}: cannot listen there ({error.strerror}); --port names another"
            ) from None
        name = f"[{host}]" if ":" in host else host
        listening(f"http://{name}:{runner.addresses[0][1]}/")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
