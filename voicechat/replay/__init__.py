"""Runs sessions under a clock that stands still while an engine works, and recordings again."""
