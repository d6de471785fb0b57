"""Recognisers, one adapter a file."""
