"""Identities of the synthetic traders: addresses, hashes, trade ids.

Nobody: addresses, hashes and trade ids are made up from the seed. They look like the venue's, and
the same print always has the same ones.
"""

from __future__ import annotations

import hashlib

from venue.local.market.contract import Row
from venue.local.market.dice import hash_of

PEOPLE_BITS = 9
TID_BITS = 50
# A trade id packs coin, day and number of the print, then scrambles them one to one.
DAY_BITS = 20
NUMBER_BITS = 23

_PEOPLE_MASK = (1 << PEOPLE_BITS) - 1
_TID_MASK = (1 << TID_BITS) - 1
_ODD = 0x2545F4914F6CD
_ODDER = 0x1D8AF06F2B345


class Crowd:
    """Traders of one world, and the identities of their trades."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._shift = hash_of(seed, "tid") & _TID_MASK
        self._people = tuple(
            "0x" + hashlib.blake2b(f"{seed} {n}".encode(), digest_size=20).hexdigest()
            for n in range(1 << PEOPLE_BITS)
        )

    def tid(self, coin: int, day: int, number: int) -> int:
        """Return the id of a print: 50 bits, unlike any other of this world."""
        packed = (coin << DAY_BITS | day) << NUMBER_BITS | number
        mixed = (packed * _ODD + self._shift) & _TID_MASK
        return (mixed ^ mixed >> TID_BITS // 2) * _ODDER & _TID_MASK

    def sign(self, row: Row, tid: int) -> Row:
        """Add hash, tid and users (buyer, seller) to a trade's row.

        Fills of one order share the transaction's hash: those of one coin, block and side.
        """
        order = f"{self._seed} {row['coin']} {row['time']} {row['side']}"
        buyer = tid & _PEOPLE_MASK
        seller = tid >> PEOPLE_BITS & _PEOPLE_MASK
        if buyer == seller:
            seller = buyer ^ 1
        row["hash"] = "0x" + hashlib.blake2b(order.encode(), digest_size=32).hexdigest()
        row["tid"] = tid
        row["users"] = [self._people[buyer], self._people[seller]]
        return row
