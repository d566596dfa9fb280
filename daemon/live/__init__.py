"""Rim of the running daemon: tasks, journal, taping, readiness."""
