"""Preflight checks of an installation, before the daemon runs as a service."""
