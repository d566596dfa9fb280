"""The carry division: funding and premium pay whoever waits."""
