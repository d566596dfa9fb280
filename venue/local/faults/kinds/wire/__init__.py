"""Faults of the websocket: connections, frames and acknowledgements."""
