from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_account import Account

from market.errors import OperatorError
from venue.local.gate.accounts import account_of_seed, load_accounts

KEY = "0x" + "11" * 32
ADDRESS = Account.from_key(KEY).address
OTHER = "0x" + "aB" * 20

GOOD = f"""
[[account]]
name = "alice"
key = "{KEY}"
usd = 5000.25

[[account.agents]]
address = "{OTHER}"

[[account.agents]]
name = "bot"
key = "0x{"22" * 32}"

[[account]]
address = "0x{"cD" * 20}"
usd = 1
"""


def test_the_account_of_a_seed_is_always_the_same_and_its_keys_are_real() -> None:
    account = account_of_seed(7)
    assert account == account_of_seed(7)
    assert account.wallet.address != account_of_seed(8).wallet.address
    (agent,) = account.agents
    for wallet in (account.wallet, agent):
        assert Account.from_key(wallet.key).address.lower() == wallet.address
    told = "\n".join(account.lines())
    for part in (account.wallet.address, str(account.wallet.key), agent.address, str(agent.key)):
        assert part in told
    assert "100,000.00 USDC" in told
    assert account.row()["agents"][0]["key"] == agent.key


def test_a_file_adds_accounts_by_key_or_by_address(tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(GOOD)
    alice, second = load_accounts(path)
    assert alice.wallet.address == ADDRESS.lower()
    assert alice.wallet.key == KEY
    assert alice.usd_e6 == 5_000_250_000
    assert [agent.name for agent in alice.agents] == ["", "bot"]
    assert alice.agents[0].address == OTHER.lower()
    assert alice.agents[0].key is None
    assert "key" not in "\n".join(second.lines())
    assert second.agents == ()
    as_json = tmp_path / "accounts.json"
    as_json.write_text(json.dumps({"account": [{"address": OTHER, "usd": 2.5}]}))
    assert load_accounts(as_json)[0].usd_e6 == 2_500_000


ROW = f'[[account]]\naddress = "{OTHER}"\nusd = 1\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"no \[\[account\]\]"),
        ("[[account", "accounts.toml: "),
        ("[[account]]\nusd = 1", "account 1: give address or key"),
        (f'{ROW}key = "{KEY}"', "and not both"),
        ('[[account]]\naddress = "0x12"\nusd = 1', "address must be 0x and 40"),
        (f'[[account]]\naddress = "0x{"0" * 40}"\nusd = 1', "address must be"),
        ('[[account]]\nkey = "12"\nusd = 1', "key must be 0x and 64"),
        (f'[[account]]\nkey = "0x{"0" * 64}"\nusd = 1', "no private key"),
        (ROW.replace("usd = 1", "usd = -1"), "usd must be"),
        (ROW.replace("usd = 1", 'usd = "1"'), "usd must be"),
        (ROW.replace("usd = 1", "usd = nan"), "usd must be"),
        (ROW.replace("usd = 1", ""), "usd must be"),
        (ROW + "leverage = 3", "account 1: unknown leverage"),
        (ROW + ROW, "is in it twice"),
        (ROW + f'[[account.agents]]\naddress = "{OTHER}"', "is in it twice"),
        (
            ROW + f'[[account.agents]]\naddress = "0x{"1" * 40}"\nname = "{"n" * 17}"',
            "agent 1: name",
        ),
        (
            ROW + "".join(f'[[account.agents]]\naddress = "0x{d * 40}"\n' for d in "12"),
            "two agents of one name",
        ),
        (ROW + "agents = 5", "agents must be a list"),
        ("account = [5]", "account 1 must be a table"),
        ("more = 1\n" + ROW, "the file: unknown more"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(text)
    with pytest.raises(OperatorError, match=words) as refused:
        load_accounts(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_that_cannot_be_read_is_the_operators_to_mend(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="No such file"):
        load_accounts(tmp_path / "none.toml")
    binary = tmp_path / "x.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(OperatorError, match=r"x\.toml"):
        load_accounts(binary)
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000)
    with pytest.raises(OperatorError, match=r"deep\.json"):
        load_accounts(deep)
