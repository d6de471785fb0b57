"""Waiting for a page whose policy forbids eval, which Playwright's own way to wait needs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def until(page: Page, expression: str, timeout_s: float = 30) -> None:
    """Wait for a JavaScript expression to be true."""
    deadline = time.monotonic() + timeout_s
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"never true: {expression}"
        page.wait_for_timeout(20)
