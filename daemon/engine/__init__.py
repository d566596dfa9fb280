"""Engine: a pure reducer, one event in, one outcome out."""
