"""Calibration of the verdict: how often it errs in worlds whose truth is known."""
