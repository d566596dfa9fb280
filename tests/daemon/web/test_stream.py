from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from daemon.web.source import Source
from daemon.web.stream import QUEUE_MAX, Stream
from tests.support.closed_trades import put_trade, writable


def test_viewers_hear_ticks_and_of_panels_once_the_database_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.web.stream.EVERY_S", 0.01)
    monkeypatch.setattr("daemon.web.stream.PANELS_EVERY", 2)
    state, db = writable(tmp_path)

    async def main() -> list[tuple[str, object]]:
        stream = Stream(Source(state))
        task = asyncio.create_task(stream.run())
        queue, slow = stream.join(), stream.join()
        heard = []
        for beat in range(30):
            line = (await queue.get()).decode().split("\n")
            heard.append((line[0].removeprefix("event: "), json.loads(line[1][6:])))
            if beat == 12:
                put_trade(db)
        assert slow.full() and slow.qsize() == QUEUE_MAX
        stream.leave(slow)
        stream.leave(queue)
        assert stream.viewers == 0
        task.cancel()
        return heard

    heard = asyncio.run(main())
    db.close()
    panels = [at for at, (event, _) in enumerate(heard) if event == "panel"]
    assert len(panels) == 2 and panels[0] < 12 < panels[1]
    assert "money" in heard[panels[0]][1]["names"]  # type: ignore[index]
    assert {event for event, _ in heard} == {"tick", "panel"}
