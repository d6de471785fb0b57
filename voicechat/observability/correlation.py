"""Correlation ids: short names that a user can read out and an operator can find in the log."""

from __future__ import annotations

import secrets


def new_correlation_id() -> str:
    """Twelve hexadecimal digits: unique enough for one log, short enough to read out."""
    return secrets.token_hex(6)
