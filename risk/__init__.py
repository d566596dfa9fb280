"""The shared gate: every filter judges every signal, one filter a file."""
