"""Writes what a session receives and sends into a file, so that it can be run again."""
