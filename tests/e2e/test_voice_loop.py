"""A person opens the page, speaks, and hears an answer: in a real browser, on real audio."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np
import pytest

from tests.e2e.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ANSWERED = "[data-testid=message-assistant][data-status=complete]"


def spoken_times() -> set[str]:
    """How the answer may name the time: that of now, or of the minute before."""
    now = datetime.now().astimezone()
    return {(now - timedelta(minutes=m)).strftime("%I:%M %p").lstrip("0") for m in (0, 1, 2)}


def said_a_time(answer: str) -> bool:
    found = re.search(r"\d{1,2}:\d\d [AP]M", answer)
    return found is not None and found[0] in spoken_times()


@pytest.mark.requirement("V-1")
@pytest.mark.requirement("V-5")
@pytest.mark.requirement("W-2")
def test_speak_and_hear_an_answer(link, browser_page, flite):
    microphone = bytes(2 * 24_000) + flite("what time is it", "slt") + bytes(2 * 16_000 * 20)
    with browser_page(link, microphone) as page:
        assert page.evaluate("__voicechat.playbackPeak()") == 0
        page.get_by_test_id("mic-button").click()
        until(page, "document.querySelector('[data-testid=partial]')?.innerText.includes('what')")
        page.wait_for_selector(ANSWERED, timeout=60_000)
        assert "what time is it" in page.get_by_test_id("message-user").inner_text().lower()
        assert said_a_time(page.get_by_test_id("message-assistant").inner_text())
        # Wait for the loudspeaker, then look at what it really played.
        until(page, "__voicechat.playedSamples() > __voicechat.outputRate()")
        assert page.evaluate("__voicechat.playbackPeak()") > 0.05
        played = np.array(page.evaluate("Array.from(__voicechat.recordedOutput())"))
        assert np.sqrt(np.mean((played / 32768.0) ** 2)) > 0.01, "what was played is not silence"


@pytest.mark.requirement("V-10")
def test_typing_does_the_same(link, browser_page):
    with browser_page(link, bytes(3200)) as page:
        box = page.get_by_test_id("text-input")
        box.fill("what time is it?")
        box.press("Enter")
        page.wait_for_selector(ANSWERED)
        assert said_a_time(page.get_by_test_id("message-assistant").inner_text())
        until(page, "__voicechat.playbackPeak() > 0.05")
        box.fill("what is two plus two")
        box.press("Enter")
        until(page, f"document.querySelectorAll('{ANSWERED}').length == 2")
        assert "4" in page.get_by_test_id("message-assistant").nth(1).inner_text()


@pytest.mark.requirement("V-10")
def test_hold_the_button_to_talk(link, browser_page, flite):
    microphone = bytes(2 * 8000) + flite("what time is it", "rms") + bytes(2 * 16_000 * 30)
    with browser_page(link, microphone) as page:
        page.get_by_test_id("mic-button").hover()
        page.mouse.down()
        until(
            page,
            "document.querySelector('[data-testid=partial]')?.innerText.includes('time is it')",
            timeout_s=60,
        )
        page.mouse.up()
        page.wait_for_selector(ANSWERED, timeout=60_000)
        assert said_a_time(page.get_by_test_id("message-assistant").inner_text())


@pytest.mark.requirement("V-9")
def test_stop_silences_the_answer(link, browser_page):
    with browser_page(link, bytes(3200)) as page:
        box = page.get_by_test_id("text-input")
        box.fill("help")
        box.press("Enter")
        until(page, "__voicechat.playedSamples() > 10000")
        page.keyboard.press("Escape")
        page.wait_for_selector("[data-testid=message-assistant][data-status=stopped]")
        page.wait_for_timeout(300)
        played = page.evaluate("__voicechat.playedSamples()")
        page.wait_for_timeout(1000)
        assert page.evaluate("__voicechat.playedSamples()") == played


def test_the_page_says_what_can_be_understood(link, browser_page):
    with browser_page(link, bytes(3200)) as page:
        words = page.get_by_test_id("recognizer-help").inner_text().lower()
        assert "commands" in words
        assert "free speech" in words
