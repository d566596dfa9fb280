"""Paths of state: one folder per mode, each with its database, tape, socket and lock."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from market.errors import OperatorError

if TYPE_CHECKING:
    # A command that names its state needs no configuration, and not the memory it takes to read.
    from daemon.config.sections import Mode, Network

MODE_FOLDERS = ("local", "paper-testnet", "paper-mainnet", "testnet", "live", "replay")
SYSTEM_CONFIG = Path("/etc/gnomon/gnomon.toml")


def user_config() -> Path:
    """Return where a user keeps their configuration."""
    return _expanded(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "gnomon" / "gnomon.toml"


def find_config(given: Path | None, *, system: bool) -> Path | None:
    """Return the configuration file to use: given, $GNOMON_CONFIG, the user's, the system's.

    Starting a daemon never falls back to the system's file (`system` false), so that trying
    gnomon out on a server cannot touch the service's state.
    """
    if given is not None:
        return given
    named = os.environ.get("GNOMON_CONFIG")
    if named:
        return Path(named)
    candidates = [user_config()] + ([SYSTEM_CONFIG] if system else [])
    return next((path for path in candidates if os.access(path, os.R_OK)), None)


def state_root(given: Path | None, configured: str) -> Path:
    """Return the state folder: given, $STATE_DIRECTORY, configured, the user's."""
    if given is not None:
        return given
    named = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if named or configured:
        return _expanded(named or configured)
    return _expanded(os.environ.get("XDG_STATE_HOME") or "~/.local/state") / "gnomon"


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise OperatorError(f"{text}: there is no such user, or no home folder is known") from None


def mode_folder(mode: Mode, network: Network) -> str:
    """Return the name of a mode's folder, which is also the mode written in its database."""
    return f"paper-{network}" if mode == "paper" else mode


@dataclass(frozen=True)
class StateDir:
    """Folder of one mode."""

    root: Path
    folder: str

    @property
    def path(self) -> Path:
        """Return the folder itself."""
        return self.root / self.folder

    @property
    def database(self) -> Path:
        """Return the database file."""
        return self.path / "gnomon.db"

    @property
    def tape(self) -> Path:
        """Return the folder of tape segments."""
        return self.path / "tape"

    @property
    def socket(self) -> Path:
        """Return the control socket."""
        return self.path / "gnomon.sock"

    def create(self) -> None:
        """Make the folders; raises OperatorError when they cannot be written."""
        try:
            self.tape.mkdir(mode=0o750, parents=True, exist_ok=True)
            probe = self.path / ".probe"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise OperatorError(
                f"state folder {self.path} cannot be written ({error.strerror}); "
                "name another with --state or mend its permissions"
            ) from None


def existing(root: Path) -> list[StateDir]:
    """Return the mode folders under `root` that hold a database, the newest first.

    Raises OperatorError when they are out of this user's reach.
    """
    found = [StateDir(root, name) for name in MODE_FOLDERS]
    try:
        return sorted((s for s in found if s.database.exists()), key=_touched, reverse=True)
    except PermissionError as error:
        raise OperatorError(
            f"{error.filename}: permission denied; members of its group may read it "
            "(`id` lists your groups)"
        ) from None


def _touched(state: StateDir) -> float:
    times = [0.0]
    for path in (state.database, state.database.with_name(state.database.name + "-wal")):
        with suppress(FileNotFoundError):
            found = path.stat()
            # An empty log is only the trace of somebody who read.
            if found.st_size:
                times.append(found.st_mtime)
    return max(times)
