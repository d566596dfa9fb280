"""Kinds of fault, one file each, in rooms by what they spoil."""
