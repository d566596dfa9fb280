"""Commands of `gnomon shadow`, and `gnomon why`."""

from daemon.cli.shadow.shadow import register

# Its place in `gnomon --help`.
RANK = 7

__all__ = ["RANK", "register"]
