"""Actions of accounts, one kind a file."""
