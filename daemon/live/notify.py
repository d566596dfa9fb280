"""Notifications to systemd: one datagram a message, nothing at all outside systemd."""

from __future__ import annotations

import os
import socket


def notify(*lines: str) -> None:
    """Send lines like READY=1, STATUS=… or WATCHDOG=1 to the service manager, if there is one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        try:
            s.sendto("\n".join(lines).encode(), address)
        except OSError:
            # A manager that went away is no reason to stop trading.
            return


def watchdog_s() -> float | None:
    """Return how often the manager wants to hear from us (half its limit), None when never."""
    micros = os.environ.get("WATCHDOG_USEC", "")
    return int(micros) / 2e6 if micros.isdigit() and int(micros) > 0 else None
