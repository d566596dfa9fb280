"""`python -m bench.dictionary OUT DATABASE…`: train the dictionary that details are packed with.

Only for databases of the local venue: what a dictionary holds are pieces of what it was shown. A
dictionary that was released is never replaced; another one gets the next number.
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import msgspec
import zstandard
from msgspec import Raw

from shadow.store.details import DICTIONARY_ID, Details, Heard, Judged, Passed
from shadow.store.store import open_readonly

BYTES = 32 << 10


def samples(path: Path) -> list[bytes]:
    """Return both halves of every detail in a database, as they were before they were packed."""
    found = []
    with closing(open_readonly(path)) as db:
        for _, d in Details(db).all():
            heard = Heard(*(Raw(getattr(d, name)) for name in Heard.__struct_fields__))
            passed = [
                Passed(*(getattr(check, name) for name in Passed.__struct_fields__))
                for check in d.checks
            ]
            judged = Judged(Raw(d.sizing), passed)
            found += [msgspec.json.encode(heard), msgspec.json.encode(judged)]
    return found


def main(out: Path, databases: list[Path]) -> None:
    """Train on all details of some databases and write the dictionary."""
    shown = [sample for path in databases for sample in samples(path)]
    trained = zstandard.train_dictionary(BYTES, shown, dict_id=DICTIONARY_ID)
    out.write_bytes(trained.as_bytes())
    sys.stdout.write(f"{len(shown):,} samples, {len(trained.as_bytes()):,} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
