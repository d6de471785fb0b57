"""The network goes, or the server does, in the middle of a conversation in a real browser."""

from __future__ import annotations

import pytest

from tests.e2e.pages import (
    ASSISTANT,
    CHIP,
    LONG_QUESTION,
    PATIENT,
    QUICK,
    answers,
    asked,
    notices,
    phase,
    recorded,
    say,
    shown,
    silence,
    until_answered,
    until_phase,
)
from tests.e2e.waiting import until
from tests.e2e.wire import Wire, pauses

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

SECOND = "__voicechat.outputRate()"
PLAYED = "__voicechat.playedSamples()"
WATCH_CHIP = f"""
window.seen = [];
new MutationObserver(() => seen.push({CHIP}.innerText))
    .observe({CHIP}, {{ subtree: true, characterData: true, childList: true }});
"""


@pytest.mark.requirement("S-2")
@pytest.mark.requirement("W-3")
def test_an_answer_goes_on_where_the_network_was_cut(browser, new_page, network):
    """Once so shortly that nobody hears it, once for longer than the loudspeaker has speech."""
    wire = Wire()
    with browser() as chromium:
        page = new_page(chromium, network.link, QUICK, wire)
        say(page, LONG_QUESTION)
        until(page, f"{PLAYED} > 1.5 * {SECOND}")
        network.breaks()
        until(page, f"{PLAYED} > 4 * {SECOND}")
        assert wire.sockets == 2
        before = page.evaluate(PLAYED)
        network.goes()
        until(page, f"{shown('reconnecting')} && /Reconnecting \\d+\\/10/.test({CHIP}.innerText)")
        had = len(wire.spoken(1))
        until(page, f"{PLAYED} === {had}", timeout_s=3)  # what is here is played, the cut or not
        assert had - before > 0.2 * page.evaluate(SECOND)
        page.wait_for_timeout(1000)
        assert page.evaluate(PLAYED) == had
        assert page.locator(f"{ASSISTANT}[data-status=streaming]").count() == 1
        network.comes_back()
        until_phase(page, "connected")
        until_answered(page)
        until(page, "__voicechat.events().some(e => e.what.type === 'turn_trace')")

        (answer,) = wire.messages("response_complete")
        assert answers(page) == [answer["text"]]
        assert "".join(delta["text"] for delta in wire.messages("stream_delta")) == answer["text"]
        assert len(wire.numbers()) == len(set(wire.numbers())), "nothing came twice"
        (trace,) = wire.messages("turn_trace")
        assert trace["heard_chars"] == trace["text_chars"]
        rate = page.evaluate(SECOND)
        spoken = wire.spoken(1)
        assert page.evaluate(PLAYED) == len(spoken)
        assert abs(trace["audio_ms"] / 1000 * rate - len(spoken)) < 0.03 * rate
        silent = pauses(recorded(page), spoken) / rate
        print(f"{len(spoken) / rate:.2f} s of speech, and {silent:.2f} s of silence in it")
        assert 1 < silent < 4
        assert [restored["history"] for restored in wire.messages("session_restored")] == [None] * 2


@pytest.mark.requirement("S-3")
@pytest.mark.requirement("W-3")
def test_what_is_said_while_the_network_is_away_is_heard(browser, new_page, network, flite):
    """It goes in mid-sentence, and comes back long after the sentence."""
    microphone = silence(1.5) + flite("what is two plus two", "slt") + silence(12)
    microphone += flite("what time is it", "slt") + silence(30)
    wire = Wire()
    with browser(microphone) as chromium:
        page = new_page(chromium, network.link, QUICK, wire)
        page.get_by_test_id("mic-button").click()
        until(page, "__voicechat.microphone().filter(m => m.what > 0.02).length > 20")  # of 20 ms
        network.goes()
        until_phase(page, "reconnecting")
        assert wire.messages("transcript_final") == []
        page.wait_for_timeout(2000)
        network.comes_back()
        until_answered(page, 2)  # and it still listens
        assert wire.sockets > 1
        assert "4" in answers(page)[0]
        said = ["what is two plus two", "what time is it"]
        assert [each.lower() for each in asked(page)] == said
        assert [each["text"].lower() for each in wire.messages("transcript_final")] == said
        assert len(wire.messages("turn_started")) == 2


@pytest.mark.requirement("S-3")
@pytest.mark.requirement("S-4")
@pytest.mark.requirement("W-3")
@pytest.mark.requirement("W-4")
def test_the_server_is_killed_and_comes_back(browser, new_page, server):
    with browser() as chromium:
        page = new_page(chromium, server.link, PATIENT)
        say(page, "what is two plus two")
        until_answered(page)
        say(page, LONG_QUESTION)
        until(page, f"{PLAYED} > 3 * {SECOND}")
        before = answers(page)
        server.kill()
        until_phase(page, "reconnecting")
        say(page, "what time is it")
        waits = page.get_by_test_id("waits")
        assert waits.inner_text() == "Will be sent when the connection is back"
        server.start()
        until_phase(page, "connected")
        until_answered(page, 2)
        assert asked(page) == ["what is two plus two", LONG_QUESTION, "what time is it"]
        assert waits.count() == 0
        lost = page.locator(f"{ASSISTANT}[data-status=lost]")
        assert "The server stopped before the answer" in lost.inner_text()
        assert answers(page)[:2] == before, "what was seen of the answer stays"
        assert "It is" in answers(page)[2]
        assert page.get_by_test_id("ask-again").count() == 0, "the talk has gone on since"


@pytest.mark.requirement("S-4")
@pytest.mark.requirement("W-4")
def test_an_answer_that_a_crash_has_taken_can_be_asked_for_again(browser, new_page, server):
    with browser() as chromium:
        page = new_page(chromium, server.link, PATIENT)
        say(page, LONG_QUESTION)
        until(page, f"{PLAYED} > 2 * {SECOND}")
        server.kill()
        until_phase(page, "reconnecting")
        server.start()
        page.get_by_test_id("ask-again").click()
        until_answered(page)
        assert asked(page) == [LONG_QUESTION] * 2
        assert "set a timer for 10 minutes" in answers(page)[-1]
        page.reload()
        until_phase(page, "connected")
        until(page, f"document.querySelectorAll('{ASSISTANT}').length === 2")
        assert asked(page) == [LONG_QUESTION] * 2
        assert page.locator(ASSISTANT).nth(0).get_attribute("data-status") == "lost"
        assert page.get_by_test_id("ask-again").count() == 0


@pytest.mark.requirement("W-3")
def test_after_ten_tries_there_is_a_button(browser, new_page, network):
    wire = Wire()
    with browser() as chromium:
        page = new_page(chromium, network.link, QUICK, wire)
        say(page, "what is two plus two")
        until_answered(page)
        page.evaluate(WATCH_CHIP)
        network.goes()
        until_phase(page, "offline")
        tries = [f"Reconnecting {n}/10" for n in range(1, 11)]
        assert page.evaluate("seen") == [*tries, "Offline"]
        assert notices(page) == ["server_gone"]
        say(page, "what time is it")
        assert page.get_by_test_id("waits").count() == 1
        sockets = wire.sockets
        page.wait_for_timeout(1500)
        assert wire.sockets == sockets, "no further try by itself"
        network.comes_back()
        page.get_by_role("button", name="Connect again").click()
        until_phase(page, "connected")
        until_answered(page, 2)
        assert asked(page) == ["what is two plus two", "what time is it"]
        assert notices(page) == []


@pytest.mark.requirement("W-3")
def test_the_network_is_back_and_the_browser_says_so(browser, new_page, network):
    with browser() as chromium:
        # The longest waits that there can be: 1 s, 2 s, 4 s, …
        page = new_page(chromium, network.link, "Math.random = () => 0.999")
        network.goes()
        until(page, f"{CHIP}.innerText === 'Reconnecting 3/10'", timeout_s=8)  # for 4 s from here
        network.comes_back()
        page.wait_for_timeout(500)
        assert phase(page) == "reconnecting"
        page.evaluate("window.dispatchEvent(new Event('online'))")
        until_phase(page, "connected", timeout_s=1.5)


@pytest.mark.requirement("L-3")
@pytest.mark.requirement("C-10")
@pytest.mark.requirement("W-3")
def test_a_server_that_ends_finishes_its_answer(browser, new_page, server):
    wire = Wire()
    with browser() as chromium:
        page = new_page(chromium, server.link, PATIENT, wire)
        say(page, LONG_QUESTION)
        until(page, f"{PLAYED} > 2 * {SECOND}")
        server.terminate()
        until_phase(page, "ending")
        assert notices(page) == ["shutting_down"]
        until_phase(page, "reconnecting", timeout_s=25)
        assert server.ended() == 0
        page.wait_for_timeout(200)  # for the browser to tell what has passed
        (trace,) = wire.messages("turn_trace")
        assert (trace["outcome"], trace["stopped"]) == ("complete", None)
        assert trace["heard_chars"] == trace["text_chars"]
        assert pauses(recorded(page), wire.spoken(1)) < 0.5 * page.evaluate(SECOND)
        assert page.locator(f"{ASSISTANT}[data-status=complete]").count() == 1
        server.start()
        page.evaluate("window.dispatchEvent(new Event('online'))")
        until_phase(page, "connected")
        until(page, "document.querySelector('[data-testid=notice]') === null")
        say(page, "what is two plus two")
        until_answered(page, 2)
        assert asked(page) == [LONG_QUESTION, "what is two plus two"]
