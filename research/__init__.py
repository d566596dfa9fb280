"""Studies above the siblings: they may use every part below, and nothing below may use them."""
