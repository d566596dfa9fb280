"""Five divisions of bots, one bot a file; beside them their contract, the roster and sizing."""
