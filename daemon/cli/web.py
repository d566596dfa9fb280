"""Command `gnomon web`."""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.common import ConfigOption, ModeOption, StateOption, pick_state
from market.errors import OperatorError

# Its place in `gnomon --help`.
RANK = 15
PORT = 8078


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(web)


def web(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = PORT,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="A secret that viewers must know (0600).")
    ] = None,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Serve the page that shows money, limits and alarms, to be read in a browser.

    Example: gnomon web --port 8078
    """
    from daemon.web.server import serve

    where = pick_state(state, mode, config)
    if where is None:
        raise OperatorError(
            "no daemon has run here; `gnomon run` starts one, then the page shows it"
        )
    token = "" if token_file is None else _token(token_file)

    def listening(url: str) -> None:
        sys.stdout.write(json.dumps({"url": url}) + "\n")
        sys.stdout.flush()

    async def main() -> None:
        # Each thread keeps memory of its own; the daemon is asked one question at a time.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(3))
        serving = asyncio.create_task(serve(where, host, port, token, listening))
        if with_parent:
            gone = asyncio.create_task(asyncio.to_thread(sys.stdin.buffer.read))
            await asyncio.wait((serving, gone), return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                serving.cancel()
                return
        await serving

    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        return


def _token(path: Path) -> str:
    """Return a token from a file nobody else can read; raises OperatorError."""
    try:
        if path.stat().st_mode & 0o077:
            raise OperatorError(f"{path}: others can read it; `chmod 600 {path}`")
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path}: the token cannot be read ({error})") from None
