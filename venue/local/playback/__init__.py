"""Recorded tapes shown as a market."""
