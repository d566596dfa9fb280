"""Lens worker process and its client."""
