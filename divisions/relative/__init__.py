"""Relative-value division: bots that price coins against each other."""
