"""Record of this run in the table `run`: its beginning, its progress, its end."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

import msgspec

from daemon.config.sections import Config
from daemon.engine.engine import Engine
from daemon.live.journal import Journal
from daemon.version import code_version
from shadow.store.store import Store
from venue.hyperliquid.session import Session


class RunRecord:
    """One row, begun here; later writes go through the journal's thread, between two commits."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        engine: Engine,
        session: Session,
        *,
        config: Config,
        mode: str,
        network: str,
        started_ns: int,
    ) -> None:
        self._store = store
        self._journal = journal
        self._engine = engine
        self._session = session
        seq = engine.vitals.seq
        self._first_seq = seq + 1
        self._run_id = store.begin_run(
            started_ns=started_ns,
            mode=mode,
            network=network,
            config_hash=config.hash(),
            policy_hash=engine.branch.books.identity.policy_hash,
            code_version=code_version(),
            seed=config.seed,
            first_seq=self._first_seq,
            last_seq=seq,
            config=msgspec.json.encode(config.resolved()).decode(),
        )

    async def progress(self) -> None:
        """Write how far the run has come; a database that cannot be written is told elsewhere."""
        await self._update(self._columns())

    async def end(self, why: str, now_ns: int) -> None:
        """Write how the run ended."""
        await self._update({**self._columns(), "ended_ns": now_ns, "ended_why": why})

    async def _update(self, columns: dict[str, int | str]) -> None:
        with suppress(sqlite3.Error):
            await self._journal.in_thread(lambda: self._store.update_run(self._run_id, **columns))

    def _columns(self) -> dict[str, int | str]:
        seq = self._engine.vitals.seq
        return {
            "last_seq": seq,
            "frames": self._session.frames,
            "events": seq - self._first_seq + 1,
            "digest": self._engine.digest,
        }
