"""Replay of tapes: player and result."""
