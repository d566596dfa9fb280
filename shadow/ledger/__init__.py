"""Ledger of open trades and phantoms."""
