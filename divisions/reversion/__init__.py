"""Reversion division: bots that fade stretched prices."""
