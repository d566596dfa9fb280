"""Injection of faults into requests and connections."""
