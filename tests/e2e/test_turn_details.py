"""What the page tells about a turn, and the patience that the user chooses: by keyboard alone."""

from __future__ import annotations

import pytest

from tests.e2e.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ANSWERED = "[data-testid=message-assistant][data-status=complete]"


@pytest.mark.requirement("V-11")
def test_the_page_tells_why_and_when(link, browser_page, flite):
    microphone = bytes(2 * 24_000) + flite("what time is it", "slt") + bytes(2 * 16_000 * 20)
    with browser_page(link, microphone) as page:
        page.get_by_test_id("mic-button").click()
        until(page, "__voicechat.events().some(e => e.what.type == 'turn_trace')", timeout_s=60)
        summary = page.locator("[data-testid=timings] summary")
        assert summary.inner_text().startswith("Answered in")
        summary.focus()
        page.keyboard.press("Enter")
        details = page.get_by_test_id("timings").inner_text()
        assert "of silence: what you said was complete." in details
        for stage in ("End of turn", "Transcript", "First words", "Speech sent", "Speech heard"):
            assert stage in details


@pytest.mark.requirement("V-4")
def test_patience_is_chosen_and_remembered(link, browser_page):
    with browser_page(link, bytes(3200)) as page:
        slider = page.get_by_test_id("patience")
        page.get_by_test_id("settings").focus()
        page.keyboard.press("Enter")
        slider.wait_for(state="visible")
        assert slider.input_value() == "0.5"  # as the server is set
        slider.focus()
        page.keyboard.press("End")
        assert slider.get_attribute("aria-valuetext") == "very patient"
        page.keyboard.press("Escape")
        slider.wait_for(state="hidden")
        page.reload()
        page.wait_for_selector("[data-testid=connection-state][data-phase=connected]")
        page.get_by_test_id("settings").click()
        assert slider.input_value() == "1"
        page.get_by_test_id("patience-default").click()
        assert slider.input_value() == "0.5"


@pytest.mark.requirement("V-9")
def test_escape_closes_the_settings_before_it_stops_an_answer(link, browser_page):
    with browser_page(link, bytes(3200)) as page:
        box = page.get_by_test_id("text-input")
        box.fill("what can you do")
        box.press("Enter")
        until(page, "__voicechat.playedSamples() > 10000")
        page.get_by_test_id("settings").click()
        page.keyboard.press("Escape")
        page.get_by_test_id("patience").wait_for(state="hidden")
        assert page.locator(f"{ANSWERED}, [data-status=streaming]").count() == 1
        page.keyboard.press("Escape")
        page.wait_for_selector("[data-testid=message-assistant][data-status=stopped]")
