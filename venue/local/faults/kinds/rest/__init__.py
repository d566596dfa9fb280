"""Faults of /info."""
