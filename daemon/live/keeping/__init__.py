"""Keeping of the state folder: disk, files, checks of the database, the run's row."""
