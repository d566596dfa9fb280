"""Preflight checks of an installation, before the daemon runs as a service.

Nothing is created and nothing is mended: every finding says what is so and how to change it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
import re
import resource
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import metadata
from pathlib import Path

import msgspec

from daemon.config.load import load, parse
from daemon.config.sections import Config
from daemon.doctor.finding import FAIL, OK, WARN, Case, Finding
from daemon.doctor.stored import births, databases, instruments, sockets, tapes
from daemon.engine.outcome import Vitals
from daemon.instance.paths import (
    MODE_FOLDERS,
    StateDir,
    existing,
    find_config,
    mode_folder,
    state_root,
)
from daemon.live.keeping.housekeeping import MB
from daemon.live.venue_time import ask_venue
from market.errors import GnomonError, OperatorError, VenueUnreachable
from market.events import NS_PER_MS, NS_PER_S
from market.venue_clock import OFFSET_NS_MAX
from shadow.store.store import open_readonly
from venue.address import shown

CODE = Path(__file__).resolve().parent.parent.parent
PYTHON_MIN = (3, 11)
INSTALL = "`make setup` in a checkout, `deploy/install.sh` on a server"
FILES_MIN = 256
FILES_GOOD = 1024
ASK_S = 5.0
# No clock that is right says less: it is earlier than this program.
BUILT_NS = 1_735_689_600 * NS_PER_S
KEEP_TIME = "let the system keep time: timedatectl set-ntp true"
CLOCK_SAMPLE_S = 0.05
CLOCK_SLIP_NS = 5 * NS_PER_MS
UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"))
PIN = re.compile(r"^([a-z0-9._-]+)==([^\s;]+)(?: ; (.*?))?(?: \\)?$", re.M)


def examine(given: Path | None, state: Path | None, mode: str | None) -> Iterator[Finding]:
    """Yield every finding, in the order in which one would mend them."""
    yield python()
    yield packages(find_lock())
    found, config = configuration(given)
    yield found
    folder = _folder(config, mode)
    root = state_root(state, config.state_dir)
    yield state_folder(root, folder)
    yield space(root, config)
    try:
        places = tuple(p for p in existing(root) if mode is None or p.folder == folder)
    except OperatorError:
        # The finding on the folder has said so.
        places = ()
    case = Case(config, root, folder, places)
    yield clock(_newest_ns(case))
    yield from databases(case)
    yield from births(case)
    yield from instruments(case)
    yield from tapes(case)
    yield sockets(case)
    yield venue(case)
    yield loop()
    yield open_files()
    yield unit()


def _folder(config: Config, mode: str | None) -> str:
    if mode in MODE_FOLDERS:
        return str(mode)
    return mode_folder("paper" if mode == "paper" else config.mode, config.venue.network)


# The program.


def python() -> Finding:
    """Look at the interpreter."""
    text = f"Python {platform.python_version()} at {sys.executable}"
    if sys.version_info < PYTHON_MIN:
        return Finding("python", FAIL, text, f"install Python 3.11 or newer, then {INSTALL}")
    return Finding("python", OK, text)


def find_lock() -> Path | None:
    """Return the lock file of this program: beside its sources, or where it was installed."""
    places = (CODE / "requirements.lock", Path(sys.prefix).parent / "share" / "requirements.lock")
    return next((path for path in places if path.is_file()), None)


def packages(lock: Path | None) -> Finding:
    """Compare what is installed with the lock file."""
    if lock is None:
        text = "no lock file beside the program to compare with"
        return Finding("packages", WARN, text, INSTALL)
    pins: dict[str, set[str]] = {}
    for name, version, marker in PIN.findall(lock.read_text()):
        if "== 'win32'" not in marker:
            pins.setdefault(name, set()).add(version)
    missing, other = [], []
    for name, versions in pins.items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if installed not in versions:
            other.append(f"{name} {installed} (locked {' or '.join(sorted(versions))})")
    lacking = sorted(set(missing) & _declared())
    if lacking:
        return Finding("packages", FAIL, f"missing: {', '.join(lacking)}", INSTALL)
    differs = [*other, *(f"{name} missing" for name in missing)]
    if differs:
        return Finding("packages", WARN, f"not as locked: {', '.join(differs)}", INSTALL)
    return Finding("packages", OK, f"{len(pins)} packages as locked")


def _declared() -> set[str]:
    """Return the names this program cannot do without."""
    try:
        lines = metadata.requires("gnomon") or []
    except metadata.PackageNotFoundError:
        return set()
    return {re.split(r"[<>=!~;\[ ]", line)[0].lower() for line in lines if "extra ==" not in line}


def configuration(given: Path | None) -> tuple[Finding, Config]:
    """Read the configuration; where that fails, go on with the defaults."""
    path = find_config(given, system=True)
    try:
        config = load(path)
    except OperatorError as error:
        remedy = "mend it; `gnomon config check` says when it is good"
        return Finding("config", FAIL, str(error), remedy), parse({}, "defaults")
    if config.mode in ("testnet", "live"):
        text = f"{path}: mode {config.mode}, but real orders are not built yet"
        return Finding("config", FAIL, text, 'set mode = "paper"'), config
    if path is None:
        remedy = "`gnomon config init` writes one to change"
        return Finding("config", WARN, "no file; the defaults apply", remedy), config
    return Finding("config", OK, f"{path}: good, mode {config.mode}"), config


# The machine.


def _nearest(path: Path) -> Path:
    """Return the nearest folder that exists."""
    path = path.absolute()
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path


def state_folder(root: Path, folder: str) -> Finding:
    """See whether this user may write where the daemon would."""
    place = StateDir(root, folder)
    remedy = "run this as the daemon's user (sudo -u gnomon), name another --state, or chown it"
    for path in (place.tape, place.path, place.database):
        near = _nearest(path)
        if near.is_dir() or near != path.absolute():
            usable = near.is_dir() and os.access(near, os.W_OK | os.X_OK)
        else:
            usable = near.is_file() and os.access(near, os.W_OK)
        if not usable:
            return Finding("state", FAIL, f"{near} is not a place this user can write", remedy)
    new = "" if place.path.exists() else ", will be made"
    return Finding("state", OK, f"{place.path}: writable{new}")


def space(root: Path, config: Config) -> Finding:
    """Compare the free space with the limits at which the daemon stops its tape and entries."""
    near = _nearest(root)
    free_mb = shutil.disk_usage(near).free / MB
    disk = config.disk
    text = f"{free_mb:.0f} MB free at {near}"
    remedy = "free some space, or lower [disk] and [tape] retention_gb in the configuration"
    if free_mb < disk.entries_free_mb_min:
        limit = f"{text}, under entries_free_mb_min = {disk.entries_free_mb_min:g}: no entries"
        return Finding("disk", FAIL, limit, remedy)
    if free_mb < disk.tape_free_mb_min:
        limit = f"{text}, under tape_free_mb_min = {disk.tape_free_mb_min:g}: no tape"
        return Finding("disk", WARN, limit, remedy)
    return Finding("disk", OK, f"{text}, limits {disk.tape_free_mb_min:g} and below")


def clock(
    newest_ns: int,
    *,
    wall: Callable[[], int] = time.time_ns,
    monotonic: Callable[[], int] = time.monotonic_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> Finding:
    """Compare the wall clock with the monotonic one, with this program and with what is stored."""
    wall_ns, monotonic_ns = wall(), monotonic()
    sleep(CLOCK_SAMPLE_S)
    slip_ns = (wall() - wall_ns) - (monotonic() - monotonic_ns)
    stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(wall_ns // NS_PER_S))
    if wall_ns < BUILT_NS:
        return Finding("clock", FAIL, f"{stamp} is in the past", KEEP_TIME)
    if newest_ns > wall_ns + NS_PER_S:
        ahead = f"{stamp}, but what is stored is {(newest_ns - wall_ns) / NS_PER_S:.0f} s ahead"
        return Finding("clock", WARN, f"{ahead}; the venue's time decides at the start", KEEP_TIME)
    if abs(slip_ns) > CLOCK_SLIP_NS:
        text = f"the wall clock slipped {slip_ns / NS_PER_MS:+.1f} ms within {CLOCK_SAMPLE_S:g} s"
        return Finding("clock", WARN, text, KEEP_TIME)
    return Finding("clock", OK, f"{stamp}, wall and monotonic clock agree")


def _newest_ns(case: Case) -> int:
    """Return the newest stamp any database here holds, 0 where none can be read."""
    newest = 0
    for place in case.places:
        try:
            with closing(open_readonly(place.database)) as db:
                row = db.execute("SELECT value FROM state WHERE key = 'vitals'").fetchone()
            if row is not None:
                newest = max(newest, msgspec.json.decode(row[0], type=Vitals).now_ns)
        except (GnomonError, msgspec.MsgspecError, sqlite3.DatabaseError):
            # What is wrong with it is the next finding's to say.
            continue
    return newest


# What it needs from outside.


def venue(case: Case) -> Finding:
    """Ask the venue for its instruments and its time, once and not for long."""
    if not case.folder.startswith("paper-"):
        return Finding("venue", OK, f"not needed in mode {case.folder}")
    network = case.folder.removeprefix("paper-")
    url = case.config.venue.endpoint("mainnet" if network == "mainnet" else "testnet").rest_url

    try:
        listed, off_ns = asyncio.run(ask_venue(url, ASK_S))
    except VenueUnreachable as error:
        remedy = f"see whether this machine reaches {shown(url)} (DNS, firewall, proxy)"
        return Finding("venue", FAIL, str(error), remedy)
    text = f"{shown(url)}: {listed}, this machine's clock {off_ns / NS_PER_S:+.2f} s to its own"
    if abs(off_ns) > OFFSET_NS_MAX:
        return Finding("venue", WARN, text, KEEP_TIME)
    return Finding("venue", OK, text)


def loop() -> Finding:
    """See whether the faster event loop is there."""
    if importlib.util.find_spec("uvloop") is None:
        text = "uvloop is missing; asyncio's own loop is used, which is slower"
        return Finding("uvloop", WARN, text, INSTALL)
    return Finding("uvloop", OK, "present")


def open_files() -> Finding:
    """Look at how many files this user may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return Finding("files", OK, "any number may be open")
    text = f"{soft} files may be open at once"
    if soft < FILES_GOOD:
        level = FAIL if soft < FILES_MIN else WARN
        return Finding("files", level, text, f"ulimit -n {FILES_GOOD}; the unit sets its own limit")
    return Finding("files", OK, text)


def unit() -> Finding:
    """See whether the systemd unit is installed and starts at boot."""
    name = "gnomon.service"
    path = next((f / name for f in UNIT_FOLDERS if (f / name).is_file()), None)
    if path is None:
        return Finding("unit", WARN, f"{name} is not installed", "sudo deploy/install.sh")
    if not os.path.lexists(UNIT_FOLDERS[0] / "multi-user.target.wants" / name):
        text = f"{path}: installed, does not start at boot"
        return Finding("unit", WARN, text, "sudo systemctl enable --now gnomon")
    return Finding("unit", OK, f"{path}: installed, starts at boot")
