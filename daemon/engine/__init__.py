"""Pure reducer: one event in, one outcome out."""
