"""The local venue: a seeded or recorded market, served on one port of this machine."""
