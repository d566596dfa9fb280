"""The field's vocabulary: instruments, events, books, bars, decisions, fills, money, errors.

Everything here is pure: no clock, no I/O, no asyncio. It imports nothing of ours.
"""
