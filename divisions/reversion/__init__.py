"""The reversion division: what has been stretched comes back."""
