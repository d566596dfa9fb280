from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from daemon.instance import lease
from daemon.instance.lease import Lease
from market.errors import AnotherInstance
from shadow.store.store import Store


def local(path: Path) -> Store:
    return Store(path, mode="local", network="testnet")


def written(store: Store, holder: Lease) -> None:
    store.agree(lease.KEY, lambda _: msgspec.json.encode(holder).decode())


def kept(store: Store) -> str | None:
    found: list[str | None] = []

    def look(text: str | None) -> str | None:
        found.append(text)
        return text

    store.agree(lease.KEY, look)
    return found[0]


@pytest.fixture
def other(tmp_path: Path) -> Lease:
    """Return the lease of another process, which has ended."""
    local(tmp_path / "gnomon.db").close()
    own = lease.mine(tmp_path / "gnomon.db")
    return msgspec.structs.replace(own, pid=2**22 + 1, began="5")


def test_a_lease_is_taken_renewed_and_given_back(tmp_path: Path) -> None:
    store = local(tmp_path / "gnomon.db")
    own = lease.mine(store.path)
    assert lease.take(store, own) == ""
    first = own.beat_ns
    lease.renew(store, own)
    assert own.beat_ns > first
    lease.release(store, own)
    assert kept(store) is None
    store.close()


def test_a_living_holder_keeps_others_out_whatever_became_of_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    store = local(path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        own = lease.mine(path)
        holder = msgspec.structs.replace(own, pid=process.pid, began=lease._began(process.pid))
        written(store, holder)
        words = rf"in use by a running daemon \(pid {process.pid}\)"
        with pytest.raises(AnotherInstance, match=words):
            asyncio.run(lease.wait_turn(path))
        with pytest.raises(AnotherInstance, match=words):
            lease.take(store, own)
        process.communicate(b"")
    asyncio.run(lease.wait_turn(path))
    assert "behind without an end" in lease.take(store, own)
    store.close()


@pytest.mark.parametrize("change", [{"pid": 1, "began": "-5"}, {}])
def test_a_holder_that_is_gone_or_whose_number_is_another_s_holds_nobody_back(
    tmp_path: Path, other: Lease, change: dict[str, object]
) -> None:
    store = local(tmp_path / "gnomon.db")
    written(store, msgspec.structs.replace(other, **change))
    asyncio.run(lease.wait_turn(store.path))
    assert "taken over" in lease.take(store, lease.mine(store.path))
    store.close()


def test_a_copy_of_a_file_in_use_is_in_use_by_nobody(tmp_path: Path) -> None:
    store = local(tmp_path / "gnomon.db")
    lease.take(store, lease.mine(store.path))
    store.close()
    shutil.copy(store.path, tmp_path / "copy.db")
    copy = local(tmp_path / "copy.db")
    asyncio.run(lease.wait_turn(copy.path))
    assert lease.take(copy, lease.mine(copy.path)) == ""
    copy.close()


@pytest.mark.parametrize("renewed", [True, False])
def test_of_a_holder_that_cannot_be_looked_up_the_renewals_tell(
    tmp_path: Path, other: Lease, renewed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = local(tmp_path / "gnomon.db")
    holder = msgspec.structs.replace(other, boot="another")
    written(store, holder)

    async def sleep(seconds: float) -> None:
        assert seconds == lease.RENEWED_WITHIN_S
        if renewed:
            written(store, msgspec.structs.replace(holder, beat_ns=holder.beat_ns + 1))

    monkeypatch.setattr(lease.asyncio, "sleep", sleep)
    if renewed:
        with pytest.raises(AnotherInstance):
            asyncio.run(lease.wait_turn(store.path))
    else:
        asyncio.run(lease.wait_turn(store.path))
    written(store, msgspec.structs.replace(holder, beat_ns=1))
    monkeypatch.setattr(lease.asyncio, "sleep", None)
    asyncio.run(lease.wait_turn(store.path))
    store.close()


def test_whoever_lost_the_lease_is_told_and_leaves_the_other_s_alone(
    tmp_path: Path, other: Lease
) -> None:
    store = local(tmp_path / "gnomon.db")
    own = lease.mine(store.path)
    lease.take(store, own)
    written(store, other)
    with pytest.raises(AnotherInstance, match="took the lease"):
        lease.renew(store, own)
    lease.release(store, own)
    assert kept(store) is not None
    store.close()


def test_a_lease_that_cannot_be_read_or_a_missing_file_holds_nobody_back(tmp_path: Path) -> None:
    asyncio.run(lease.wait_turn(tmp_path / "gnomon.db"))
    store = local(tmp_path / "gnomon.db")
    store.agree(lease.KEY, lambda _: "{")
    asyncio.run(lease.wait_turn(store.path))
    assert lease.take(store, lease.mine(store.path)) == ""
    store.close()
