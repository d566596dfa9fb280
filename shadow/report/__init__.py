"""Report, verdict and score."""
