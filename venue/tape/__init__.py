"""Tape: lines, segments, writer, continuity, importers."""
