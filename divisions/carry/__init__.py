"""Carry division: bots that live on funding and premium."""
