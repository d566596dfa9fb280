"""Rehearsal of the lenses on worlds and crashes."""
