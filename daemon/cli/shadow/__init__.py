"""Commands of `gnomon shadow`, and `gnomon why`."""
