"""Autoresearch: trials and their power."""
