"""Desks beside the one that trades, the same but for one limit."""
