from __future__ import annotations

import pytest

from venue.local.faults.asked import EXCHANGE, INFO, TEXT, Reply, read


@pytest.mark.parametrize(
    ("path", "raw", "kind", "coin"),
    [
        (INFO, b'{"type":"l2Book","coin":"BTC"}', "l2Book", "BTC"),
        (INFO, b'{"type":"candleSnapshot","req":{"coin":"ETH"}}', "candleSnapshot", "ETH"),
        (EXCHANGE, b'{"action":{"type":"order"}}', "order", ""),
        (EXCHANGE, b'{"type":"order"}', "", ""),
        (INFO, b"[1]", "", ""),
        (INFO, b'{"type":5,"coin":5}', "", ""),
        (INFO, b"\xff", "", ""),
    ],
)
def test_the_kind_and_coin_of_a_request(path: str, raw: bytes, kind: str, coin: str) -> None:
    found = read(path, raw)
    assert (found.kind, found.coin) == (kind, coin)


def test_only_good_replies_have_data() -> None:
    assert Reply(200, b"[1]").data() == [1]
    assert Reply(422, b"no", TEXT).data() is None
    assert Reply(500, b"null").data() is None
    assert Reply(200, b"[1]").saying({"a": 1}).body == b'{"a":1}'
