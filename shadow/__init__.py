"""Ledger, database and report of what the gate refused, and what that would have earned."""
