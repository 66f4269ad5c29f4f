"""Measurements of the goals in docs/benchmarks.md: ratios taken in one run, never asserted."""
