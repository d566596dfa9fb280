"""Commands of `gnomon shadow`, `gnomon why` and `gnomon explain`."""

from daemon.cli.shadow.shadow import register

# Its place in `gnomon --help`.
RANK = 9

__all__ = ["RANK", "register"]
