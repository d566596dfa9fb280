"""Configuration: sections, discovery, text, loading."""
