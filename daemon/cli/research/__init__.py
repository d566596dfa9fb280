"""Commands of `gnomon research`."""
