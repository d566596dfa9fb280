from __future__ import annotations

from pathlib import Path

from shadow.store.rows import Rows
from shadow.store.store import Store
from shadow.store.tables.alarms import AlarmRow
from tests.support.shadow import rows_of


def local(path: Path) -> Store:
    return Store(path, mode="local", network="testnet")


def alarm(n: int) -> Rows:
    return Rows(alarms=[AlarmRow(n, n, "kind", "words")])


def test_rows_put_aside_are_taken_in_once(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    store = local(path)
    store.write(alarm(1), {"vitals": '{"seq":1}'})
    aside = store.put_aside(alarm(2), {"vitals": '{"seq":2}', "gone": None})
    store.close()
    kept = aside.read_bytes()
    for _ in range(2):
        again = local(path)
        assert again.state()["vitals"] == '{"seq":2}' and not aside.exists()
        again.close()
        # A crash right behind the commit leaves the file: what is in it is here already.
        aside.write_bytes(kept)
    local(path).close()
    assert len(rows_of(path, "SELECT * FROM alarm")) == 2
    aside.write_bytes(kept[:-3])
    local(path).close()
    assert len(rows_of(path, "SELECT * FROM alarm")) == 2
    assert aside.with_name(aside.name + ".torn").exists()
