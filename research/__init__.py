"""Studies above the sibling packages; nothing below may import them."""
