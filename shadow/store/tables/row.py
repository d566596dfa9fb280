"""A row as a struct: its fields are the columns it writes, in the order in which it is encoded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct


class Row(Struct, array_like=True, frozen=True, gc=False):
    """A new row of `table`. It is encoded as the plain array of its fields, without their names.

    A row holds nothing of the run that made it (no run id, path, version or wall time), so the
    digest of all rows is the run's digest.
    """

    table: ClassVar[str]
    verb: ClassVar[str] = "INSERT"
    clash: ClassVar[str] = ""
    # Columns whose first value is the same in every row, as SQL.
    constants: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def columns(cls) -> str:
        """Return the fields as a list of columns in SQL."""
        return ", ".join(cls.__struct_fields__)

    @classmethod
    def statement(cls) -> str:
        """Return the SQL that writes one row; its parameters are the fields in their order."""
        names = cls.__struct_fields__
        columns = ", ".join((*names, *cls.constants))
        values = ",".join((*"?" * len(names), *cls.constants.values()))
        return f"{cls.verb} INTO {cls.table} ({columns}) VALUES ({values}) {cls.clash}".rstrip()


class Update(Row, frozen=True):
    """New values for a row of `table` that is there already; the last field is its key."""

    @classmethod
    def statement(cls) -> str:
        """Return the SQL that changes one row; its parameters are the fields in their order."""
        *names, key = cls.__struct_fields__
        sets = ", ".join(f"{name}=?" for name in names)
        return f"UPDATE {cls.table} SET {sets} WHERE {key}=?"
