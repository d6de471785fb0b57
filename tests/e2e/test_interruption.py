"""Answers that are interrupted, measured by the sound that the page really plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from tests.e2e.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

RATE = 16_000
LONG_ANSWER = "what can you do"
AUDIBLE = "__voicechat.playedSamples() > 2 * __voicechat.outputRate()"
STOPPED = "[data-testid=message-assistant][data-status=stopped]"
UNHEARD = f"{STOPPED} [data-testid=unheard]"


def silence(seconds: float) -> bytes:
    return bytes(2 * int(seconds * RATE))


def events(page, kind: str, turn: int = 1) -> list[dict]:
    """What reached the conversation; `at` in seconds of the loudspeaker's time."""
    found = page.evaluate("__voicechat.events()")
    return [
        event["what"] | {"at": event["at"]}
        for event in found
        if event["what"]["type"] == kind and event["what"].get("turn") == turn
    ]


@attrs.frozen
class Stop:
    """How the sound of an answer ended, in seconds of the loudspeaker's time.

    Attributes:
        silent: The end of the last sound.
        stopped: The end of what was played, the pauses between words included.
        latency: From there to the ear.
    """

    silent: float
    stopped: float
    latency: float

    @classmethod
    def before(cls, page: Page, at: float) -> Stop:
        """The end of what was played before `at`."""
        return cls(
            page.evaluate(f"__voicechat.silentFrom({at})"),
            page.evaluate(f"__voicechat.stoppedAt({at})"),
            page.evaluate("__voicechat.outputLatency()"),
        )

    def assert_soon_after(self, cause: float, what: str) -> None:
        """Within 100 ms at the ear; and until then there was something to hear."""
        print(
            f"{what}: silent after {1000 * (self.silent - cause):.0f} ms, nothing played after"
            f" {1000 * (self.stopped - cause):.0f} ms, {1000 * self.latency:.0f} ms to the ear"
        )
        assert self.silent > cause - 0.5, "the answer was to be heard until then"
        assert self.stopped - cause + self.latency < 0.1


def assert_shows_what_was_heard(page) -> None:
    """The answer is parted where its speech stopped, in look and in words."""
    until(page, f"document.querySelector('{UNHEARD}') !== null")
    (trace,) = events(page, "turn_trace")
    assert 0 < trace["heard_chars"] < trace["text_chars"]
    assert 0 < trace["played_ms"] <= trace["audio_ms"]
    deltas = "".join(event["text"] for event in events(page, "stream_delta"))
    unheard = page.locator(UNHEARD)
    assert unheard.inner_text() == deltas[trace["heard_chars"] :].strip()
    assert "underline" in unheard.evaluate("e => getComputedStyle(e).textDecorationLine")
    assert "Not heard:" in page.locator(STOPPED).inner_text()


@pytest.mark.requirement("V-7")
@pytest.mark.requirement("V-8")
def test_speech_silences_the_answer(link, browser_page, flite):
    """The page falls silent while the user still speaks, and answers what was said."""
    microphone = silence(1.5) + flite(LONG_ANSWER, "slt") + silence(4)
    microphone += flite("what time is it", "slt") + silence(20)
    with browser_page(link, microphone) as page:
        page.get_by_test_id("mic-button").click()
        until(page, AUDIBLE, timeout_s=60)
        until(page, "__voicechat.events().some(e => e.what.type == 'stream_interrupted')")
        page.wait_for_selector("[data-testid=message-assistant][data-status=complete]")
        (interrupted,) = events(page, "stream_interrupted")
        assert interrupted["reason"] == "barge_in"
        second = events(page, "turn_started", turn=2)[0]["at"]
        assert second > interrupted["at"] + 0.1
        spoke = next(
            frame["at"] - 0.02  # a frame of 20 ms has been spoken when it comes
            for frame in page.evaluate("__voicechat.microphone()")
            if frame["at"] > events(page, "turn_started")[0]["at"] + 1 and frame["what"] > 0.02
        )
        stop = Stop.before(page, second)
        stop.assert_soon_after(interrupted["at"], "the message")
        print(f"the user's first sound: silent after {1000 * (stop.silent - spoke):.0f} ms")
        assert 0 < stop.stopped - spoke < 1.0
        assert_shows_what_was_heard(page)
        assert "You interrupted" in page.locator(STOPPED).inner_text()
        asked = page.get_by_test_id("message-user").all_inner_texts()
        assert [text.lower() for text in asked] == [LONG_ANSWER, "what time is it"]


@pytest.mark.requirement("V-9")
@pytest.mark.requirement("V-8")
def test_a_key_silences_the_answer(link, browser_page):
    with browser_page(link, silence(0.1)) as page:
        box = page.get_by_test_id("text-input")
        box.fill(LONG_ANSWER)
        box.press("Enter")
        until(page, AUDIBLE)
        page.keyboard.press("Control+Shift+X")
        until(page, "__voicechat.events().some(e => e.what.type == 'stream_interrupted')")
        page.wait_for_timeout(1000)  # in which nothing may be heard
        pressed = events(page, "local_stopped")[0]["at"]
        told = events(page, "stream_interrupted")[0]["at"]
        stop = Stop.before(page, 1e9)
        stop.assert_soon_after(pressed, "the key")
        stop.assert_soon_after(told, "the message")
        assert_shows_what_was_heard(page)
        assert "Stopped" in page.locator(STOPPED).inner_text()


@pytest.mark.requirement("V-7")
def test_another_question_takes_the_place_of_the_answer(link, browser_page):
    with browser_page(link, silence(0.1)) as page:
        box = page.get_by_test_id("text-input")
        box.fill(LONG_ANSWER)
        box.press("Enter")
        until(page, AUDIBLE)
        box.fill("what is two plus two")
        box.press("Enter")
        page.wait_for_selector("[data-testid=message-assistant][data-status=complete]")
        (interrupted,) = events(page, "stream_interrupted")
        assert interrupted["reason"] == "new_turn"
        assert_shows_what_was_heard(page)
