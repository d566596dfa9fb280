"""Kinds of alerts, a file each: what is looked for, and how it is said; found by themselves."""
