"""The list of conversations on the page, as a person uses it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.e2e.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

CURRENT = "__voicechat.sessions().current"


def items(page: Page) -> Locator:
    return page.get_by_test_id("session-item")


def titles(page: Page) -> list[str]:
    return page.locator("[data-testid=session-item] .session-title").all_inner_texts()


def until_titles(page: Page, *wanted: str) -> None:
    """These conversations are listed, newest first."""
    shown = "[...document.querySelectorAll('[data-testid=session-item] .session-title')]"
    until(page, f"JSON.stringify({shown}.map(e => e.innerText)) === {json.dumps(dumped(wanted))}")


def dumped(wanted: tuple[str, ...]) -> str:
    """As the page writes it."""
    return json.dumps(wanted, separators=(",", ":"), ensure_ascii=False)


def current(page: Page) -> str:
    return page.evaluate(CURRENT)


def begin_another(page: Page) -> None:
    before = current(page)
    page.get_by_test_id("session-new").click()
    until(page, f"!__voicechat.sessions().switching && {CURRENT} !== '{before}'")


def choose(page: Page, title: str) -> None:
    row = items(page).filter(has_text=title)
    wanted = row.get_attribute("data-session")
    row.locator(".choose").click()
    until(page, f"!__voicechat.sessions().switching && {CURRENT} === '{wanted}'")


def menu(page: Page, title: str, action: str) -> None:
    row = items(page).filter(has_text=title)
    row.locator(".more").click()
    row.get_by_test_id(action).click()
