"""What a person does on the page, and what is to be seen and heard there."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np

from tests.e2e.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

LONG_QUESTION = "what can you do"
USER = "[data-testid=message-user]"
ASSISTANT = "[data-testid=message-assistant]"
CHIP = "document.querySelector('[data-testid=connection-state]')"
# As one text: a list of a million numbers is slow to pass.
RECORDED = """new Promise(resolve => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(',')[1]);
    reader.readAsDataURL(new Blob([__voicechat.recordedOutput()]));
})"""
QUICK = "Math.random = () => 0.02"
"""Run before the page: ten tries to connect in 4 s; the first waits make no pause in speech."""
PATIENT = "Math.random = () => 0.2"
"""Likewise: ten tries in 36 s, enough for a server to start on a busy machine."""


def say(page: Page, text: str) -> None:
    """Type it and send it."""
    page.get_by_test_id("text-input").fill(text)
    page.get_by_test_id("text-input").press("Enter")


def silence(seconds: float) -> bytes:
    """16 kHz PCM for a microphone."""
    return bytes(2 * int(seconds * 16_000))


def notices(page: Page) -> list[str]:
    """The ids of the notices that are to be seen."""
    found = page.get_by_test_id("notice").all()
    return [each.get_attribute("data-notice") for each in found]


def shown(phase: str) -> str:
    """An expression: this state of the connection is to be seen."""
    return f"{CHIP}.dataset.phase === '{phase}'"


def phase(page: Page) -> str:
    return page.get_by_test_id("connection-state").get_attribute("data-phase")


def until_phase(page: Page, wanted: str, timeout_s: float = 15) -> None:
    page.wait_for_selector(
        f"[data-testid=connection-state][data-phase={wanted}]", timeout=1000 * timeout_s
    )


def asked(page: Page) -> list[str]:
    return page.locator(f"{USER} .words").all_inner_texts()


def answers(page: Page) -> list[str]:
    """The text of each answer, and nothing else that its bubble shows."""
    return page.locator(f"{ASSISTANT} .words").all_inner_texts()


def until_answered(page: Page, count: int = 1, timeout_s: float = 30) -> None:
    """So many answers are there, whole."""
    complete = f"document.querySelectorAll('{ASSISTANT}[data-status=complete]').length"
    until(page, f"{complete} === {count}", timeout_s)


def until_heard(page: Page, timeout_s: float = 30) -> None:
    """What is being spoken has been played to its end."""
    until(page, "__voicechat.audio().speakingTurn === null", timeout_s)


def recorded(page: Page) -> np.ndarray:
    """What was played, up to 30 s, as int16."""
    return np.frombuffer(base64.b64decode(page.evaluate(RECORDED)), dtype="<i2")
