"""A disk whose power can be cut: what SQLite and the tape wrote, and what of it was synced.

SQLite reaches its files through a VFS; a shim before the usual one notes every write, truncation
and sync on the way. What Python syncs itself (the tape) is noted by its size at that moment, since
it only ever grows. From these notes the disk of any moment is made: all that was synced, and of the
rest whatever the dice leave of it, in sectors.

Source: https://www.sqlite.org/c3ref/vfs.html and c3ref/io_methods.html (layout of the structs).
"""

from __future__ import annotations

import _sqlite3
import ctypes
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECTOR = 512
OK, FULL = 0, 13

_File = ctypes.c_void_p
_OPEN = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
    _File,
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_int),
)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _File, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _File, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _File, ctypes.c_int)


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("path_max", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", _OPEN),
        ("delete", _DELETE),
        ("rest", ctypes.c_void_p * 15),
    )


class _Methods(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("close", ctypes.c_void_p),
        ("read", ctypes.c_void_p),
        ("write", _WRITE),
        ("truncate", _TRUNCATE),
        ("sync", _SYNC),
        ("rest", ctypes.c_void_p * 14),
    )


@dataclass(frozen=True)
class Note:
    """One thing that happened to a file: data at an offset, a truncation, a sync, or a word.

    A `size` with `synced` is that of a file that only grows. `gone`: it was deleted, which lasts
    from the next sync of any file on, as on a journalling file system. `word` is what the writer
    said.
    """

    path: str = ""
    offset: int = 0
    data: bytes | None = None
    size: int | None = None
    synced: bool = False
    gone: bool = False
    word: Any = None


@dataclass
class Disk:
    """Everything that was written below one folder since the shim was put in.

    While it is `full`, no database grows or changes any more.
    """

    folder: str
    notes: list[Note] = field(default_factory=list)
    full: bool = False

    def say(self, word: Any) -> None:
        """Note what the writer has promised by now."""
        self.notes.append(Note(word=word))

    def until(self, moment: int) -> list[Note]:
        """Return what had happened by a moment."""
        return self.notes[:moment]

    def cut(self, moment: int, into: Path, rng: random.Random, *, synced: bool = True) -> None:
        """Make the folder as a power cut at a moment left it; without `synced`, as if nobody syncs.

        The paths below `into` are those below the folder.
        """
        durable: dict[str, bytearray] = {}
        pending: dict[str, list[Note]] = {}
        doomed: set[str] = set()
        grown: dict[str, int] = {}
        for note in self.until(moment):
            if note.synced:
                for path in doomed:
                    durable.pop(path, None)
                doomed.clear()
            if note.gone:
                doomed.add(note.path)
                pending.pop(note.path, None)
            elif note.synced and note.size is not None:
                grown[note.path] = note.size
            elif note.synced and synced:
                for one in pending.pop(note.path, []):
                    _apply(durable.setdefault(note.path, bytearray()), one)
            elif note.path and not note.synced:
                pending.setdefault(note.path, []).append(note)
        for path in doomed:
            if rng.random() < 0.5:
                durable.pop(path, None)
        for path, notes in pending.items():
            content = durable.setdefault(path, bytearray())
            for one in _survivors(notes, rng):
                _apply(content, one)
        for path, size in grown.items():
            whole = Path(path).read_bytes()
            following = self._next_size(path, moment, len(whole))
            durable[path] = bytearray(whole[: rng.randint(size, following)])
        for path, content in durable.items():
            target = into / Path(path).relative_to(self.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def _next_size(self, path: str, moment: int, most: int) -> int:
        """Return how much of a growing file may have been on its way at a moment."""
        for note in self.notes[moment:]:
            if note.path == path and note.size is not None and note.synced:
                return note.size
        return most


def _survivors(notes: list[Note], rng: random.Random) -> Iterator[Note]:
    """Yield what a cut leaves of unsynced writes: any of their sectors, in order."""
    share = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    for note in notes:
        if note.data is None:
            if rng.random() < share:
                yield note
            continue
        for at in range(0, len(note.data), SECTOR):
            if rng.random() < share:
                yield Note(note.path, note.offset + at, note.data[at : at + SECTOR])


def _apply(content: bytearray, note: Note) -> None:
    if note.data is not None:
        missing = note.offset - len(content)
        if missing > 0:
            content.extend(bytes(missing))
        content[note.offset : note.offset + len(note.data)] = note.data
    elif note.size is not None:
        del content[note.size :]


@contextmanager
def watched(folder: Path) -> Iterator[Disk]:
    """Note all that is written below a folder while the block runs: databases and synced files."""
    disk = Disk(str(folder))
    with _shimmed(disk), _synced(disk):
        yield disk


@contextmanager
def _shimmed(disk: Disk) -> Iterator[None]:
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    usual = library.sqlite3_vfs_find(None)
    shim = _Vfs()
    # Not all fields are named: the shim is the usual VFS but for its name and how it opens.
    ctypes.memmove(ctypes.byref(shim), usual, ctypes.sizeof(_Vfs))
    keep: list[Any] = []

    # The name goes on as the pointer it is: SQLite keeps it, and a copy of ours would be gone.
    def opened(_vfs: int, name: int | None, file: int, flags: int, out: Any) -> int:
        code: int = usual.contents.open(ctypes.addressof(usual.contents), name, file, flags, out)
        path = ctypes.string_at(name).decode() if name else ""
        if code == OK and path.startswith(disk.folder):
            keep.append(_instrumented(disk, path, file))
        return code

    def deleted(_vfs: int, name: int, durably: int) -> int:
        code: int = usual.contents.delete(ctypes.addressof(usual.contents), name, durably)
        path = ctypes.string_at(name).decode()
        if code == OK and path.startswith(disk.folder):
            disk.notes.append(Note(path, gone=True))
        return code

    shim.next = None
    shim.name = b"cut"
    shim.open = _OPEN(opened)
    shim.delete = _DELETE(deleted)
    library.sqlite3_vfs_register(ctypes.byref(shim), 1)
    try:
        yield
    finally:
        library.sqlite3_vfs_unregister(ctypes.byref(shim))
        library.sqlite3_vfs_register(usual, 1)


def _instrumented(disk: Disk, path: str, file: int) -> _Methods:
    """Give an open file methods that note what they do; return them, who must stay alive."""
    place = ctypes.cast(file, ctypes.POINTER(ctypes.c_void_p))
    usual = ctypes.cast(place[0], ctypes.POINTER(_Methods)).contents
    methods = _Methods()
    ctypes.memmove(ctypes.byref(methods), ctypes.byref(usual), ctypes.sizeof(_Methods))
    write, truncate, sync = usual.write, usual.truncate, usual.sync
    notes = disk.notes

    def writes(this: int, data: int, count: int, offset: int) -> int:
        if disk.full:
            return FULL
        notes.append(Note(path, offset, ctypes.string_at(data, count)))
        return int(write(this, data, count, offset))

    def truncates(this: int, size: int) -> int:
        notes.append(Note(path, size=size))
        return int(truncate(this, size))

    def syncs(this: int, flags: int) -> int:
        code = int(sync(this, flags))
        notes.append(Note(path, synced=True))
        return code

    methods.write = _WRITE(writes)
    methods.truncate = _TRUNCATE(truncates)
    methods.sync = _SYNC(syncs)
    place[0] = ctypes.addressof(methods)
    return methods


@contextmanager
def _synced(disk: Disk) -> Iterator[None]:
    """Note what Python syncs by itself, with its size."""
    usual = os.fsync, os.fdatasync

    def noting(sync: Callable[[int], None]) -> Callable[[int], None]:
        def synced(descriptor: int) -> None:
            sync(descriptor)
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            if path.startswith(disk.folder):
                disk.notes.append(Note(path, size=os.fstat(descriptor).st_size, synced=True))

        return synced

    os.fsync, os.fdatasync = noting(usual[0]), noting(usual[1])
    try:
        yield
    finally:
        os.fsync, os.fdatasync = usual
