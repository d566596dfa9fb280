"""Panels of the live screen: each a question, one answer beside it, and its rows."""
