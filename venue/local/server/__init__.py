"""Sockets of the local venue: HTTP, websockets, streams."""
