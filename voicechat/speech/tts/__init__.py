"""Synthesisers, one adapter a file."""
