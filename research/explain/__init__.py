"""Figures of the report made again from day rows, trades, fills and the tape.

Nothing here may know the engine, the ledger, the store or the statistics that the report rests on:
a fault of theirs must not be a fault of its own check.
"""
