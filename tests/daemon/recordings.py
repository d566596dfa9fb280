"""Tapes as a daemon leaves them: with rotations, restarts, crashes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from daemon.engine import snapshot
from daemon.engine.engine import Engine
from daemon.version import code_version
from shadow.store.rows import Rows
from shadow.store.store import Store
from tests.daemon import rig
from tests.daemon.rig import Scene
from tests.support import virtual
from venue.tape.lines import record_line
from venue.tape.writer import repair


class Recorder:
    """A scene whose lines go to tape segments; with a database, rows and state go there."""

    def __init__(
        self, folder: Path, *, database: Path | None = None, version: str = "", **scene: Any
    ) -> None:
        self.folder = folder
        self.version = version or code_version()
        self.settings = {"config": rig.TIGHT, **scene}
        self.paths: list[Path] = []
        self._store = (
            Store(database, mode="local", network="local") if database is not None else None
        )
        self._pieces: dict[str, str] = {}
        self._begin(Scene(**self.settings))

    def _begin(self, scene: Scene) -> None:
        self.scene = scene
        # What a scene does first must stand behind the header, as in the daemon.
        self._first = list(scene.run.lines)
        scene.run.lines.clear()

    def header(self, engine: bytes | None = None) -> bytes:
        """Return the header of a segment that begins now."""
        whole = snapshot.whole(self.scene.engine) if engine is None else engine
        return self.scene.run.header_line(whole, code_version=self.version)

    def open(self) -> None:
        """Begin a segment."""
        self._head = self.header()
        self._first = []
        self.scene.run.lines.clear()

    def close(self, why: str = "rotated", *, digest: str | None = None) -> Path:
        """End the segment; "" leaves it torn as a crash does."""
        scene, engine = self.scene, self.scene.engine
        end = {"why": why, "seq": engine.vitals.seq, "digest": digest or engine.digest}
        path = rig.write_segment(
            self.folder,
            self._head,
            [*self._first, *scene.run.lines],
            record_line("E", scene.run.now_ns, end) if why else b"",
        )
        self.paths.append(path)
        scene.run.lines.clear()
        self._first = []
        return path

    def commit(self) -> None:
        """Commit rows and state so far."""
        pieces = snapshot.durable(self.scene.engine)
        for key, value in pieces.items():
            if value is None:
                self._pieces.pop(key, None)
            else:
                self._pieces[key] = value
        if self._store is not None:
            self._store.write(self.scene.rows, pieces)
            self.scene.run.rows = Rows()

    def restart(self, offline_s: float, *, commit: bool = True) -> None:
        """Begin another life from what was committed."""
        if commit:
            self.commit()
        # What a daemon does first: end the segment that a crash left open.
        repair(self.paths[-1])
        first_seq = self.scene.engine.vitals.seq + 1
        start_ms = self.scene.run.now_ns // 1_000_000 + int(offline_s * 1000)
        heads: list[bytes] = []

        def recover(engine: Engine) -> None:
            snapshot.recover(engine, self._pieces, first_seq)
            heads.append(snapshot.whole(engine))

        scene = Scene(**{**self.settings, "start_ms": start_ms}, before=recover)
        self._begin(scene)
        header = msgspec.json.decode(self.header(heads[0]).split(b" ", 2)[2])
        header["first_seq"] = first_seq
        self._head = record_line("H", start_ms * 1_000_000, header)

    def finish(self) -> None:
        """Commit and close the database."""
        self.commit()
        if self._store is not None:
            self._store.close()


def record(
    folder: Path,
    *,
    seconds: tuple[float, ...] = (60.0,),
    between: Callable[[Recorder], object] = lambda recorder: None,
    **settings: Any,
) -> Recorder:
    """Record a run in as many segments as there are stretches, each ended by a rotation."""
    recorder = Recorder(folder, **{"start_ms": virtual.START_MS, **settings})
    recorder._head = recorder.header(
        snapshot.whole(
            rig.fresh(
                recorder.scene.run.config, recorder.scene.coins, seed=recorder.scene.seed
            ).engine
        )
    )
    # The scene's first event is behind the header.
    header = msgspec.json.decode(recorder._head.split(b" ", 2)[2])
    header["first_seq"] = 1
    recorder._head = record_line("H", recorder.scene.run.now_ns, header)
    for number, stretch in enumerate(seconds):
        recorder.scene.advance(stretch, reads=4)
        between(recorder)
        last = number == len(seconds) - 1
        recorder.close("SIGTERM" if last else "rotated")
        if not last:
            recorder.open()
    return recorder


def first_head(recorder: Recorder) -> bytes:
    """Return a header of the scene as it was before its first event."""
    scene = recorder.scene
    engine = rig.fresh(scene.run.config, scene.coins, seed=scene.seed).engine
    header = msgspec.json.decode(recorder.header(snapshot.whole(engine)).split(b" ", 2)[2])
    header["first_seq"] = 1
    return record_line("H", scene.run.now_ns, header)
