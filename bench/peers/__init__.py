"""Gnomon beside other engines, each in an environment of its own."""
