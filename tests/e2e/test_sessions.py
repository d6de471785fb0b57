"""Conversations of one person and of several, on one page and on several, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.pages import (
    ASSISTANT,
    CHIP,
    LONG_QUESTION,
    PATIENT,
    answers,
    asked,
    notices,
    phase,
    say,
    until_answered,
    until_phase,
)
from tests.e2e.sidebar import (
    CURRENT,
    begin_another,
    choose,
    current,
    menu,
    titles,
    until_titles,
)
from tests.e2e.waiting import until
from tests.e2e.wire import Wire

if TYPE_CHECKING:
    from playwright.sync_api import Download, Page

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

PLAYED = "__voicechat.playedSamples()"
SECOND = "__voicechat.outputRate()"
PHONE = {"width": 390, "height": 844}
LONG_ANSWER_ENDS = "what is 15 percent of 200."
SESSION_KEY = "voicechat.session"


# -- one conversation ------------------------------------------------------------------------------


@pytest.mark.requirement("S-2")
def test_a_page_is_reloaded_in_the_middle_of_an_answer(browser, new_page, server):
    """All that was said is there, the answer goes on, and is heard from where it was."""
    wire = Wire()
    with browser() as chromium:
        page = new_page(chromium, server.link, PATIENT, wire)
        say(page, "what is two plus two")
        until_answered(page)
        session = current(page)
        say(page, LONG_QUESTION)
        until(page, f"{PLAYED} > 4 * {SECOND}")
        played = [each["played"] for each in wire.sent if each["type"] == "playback"][-1]
        page.reload()
        until_phase(page, "connected")
        until(page, f"document.querySelectorAll('{ASSISTANT}').length === 2")
        assert current(page) == session
        assert asked(page) == ["what is two plus two", LONG_QUESTION]
        assert "4" in answers(page)[0]
        page.get_by_role("heading", name="voicechat").click()  # sound needs a gesture
        until_answered(page, 2, timeout_s=20)
        assert answers(page)[1].endswith(LONG_ANSWER_ENDS)
        until(page, "__voicechat.events().some(e => e.what.type === 'turn_trace')")
        (trace,) = wire.messages("turn_trace")[1:]
        assert trace["heard_chars"] == trace["text_chars"]
        rate = page.evaluate(SECOND)
        again = page.evaluate(PLAYED)
        print(f"{trace['audio_ms'] / 1000:.2f} s: {played / rate:.2f} and {again / rate:.2f} s")
        assert 0 <= played + again - trace["audio_ms"] / 1000 * rate < 0.8 * rate


@pytest.mark.requirement("S-8")
@pytest.mark.requirement("W-3")
def test_a_conversation_is_in_one_place_at_a_time(browser, new_page, server):
    with browser() as chromium:
        user = chromium.new_context()
        first = new_page(user, server.link)
        say(first, "what is two plus two")
        until_answered(first)
        ticket = json.dumps(first.evaluate(f"sessionStorage.getItem('{SESSION_KEY}')"))
        # As a browser does that duplicates a tab.
        second = new_page(user, server.link, f"sessionStorage.setItem('{SESSION_KEY}', {ticket})")
        assert current(second) == current(first)
        until_phase(first, "offline")
        assert first.evaluate(f"{CHIP}.innerText") == "Opened elsewhere"
        assert notices(first) == ["opened_elsewhere"]
        until(second, f"document.querySelectorAll('{ASSISTANT}').length === 1")
        say(second, "what time is it")
        until_answered(second, 2)
        first.wait_for_timeout(1500)
        assert phase(first) == "offline", "it does not take it back by itself"

        first.get_by_role("button", name="Use it here").click()
        until_phase(first, "connected")
        until_phase(second, "offline")
        until_answered(first, 2)
        assert asked(first) == ["what is two plus two", "what time is it"]
        assert answers(first) == answers(second)
        assert notices(first) == []
        user.close()


# -- several ---------------------------------------------------------------------------------------


@pytest.mark.requirement("S-10")
@pytest.mark.requirement("W-4")
def test_a_conversation_that_is_left_in_mid_answer_goes_on(browser, new_page, server):
    wire = Wire()
    with browser() as chromium:
        page = new_page(chromium, server.link, wire=wire)
        say(page, LONG_QUESTION)
        until(page, f"{PLAYED} > 2 * {SECOND}")
        begin_another(page)
        assert asked(page) == answers(page) == []
        played = page.evaluate(PLAYED)
        say(page, "what is two plus two")
        until_answered(page)
        assert asked(page) == ["what is two plus two"]
        assert page.evaluate(PLAYED) > played
        choose(page, LONG_QUESTION)
        before = page.evaluate(PLAYED)
        assert asked(page) == [LONG_QUESTION]
        until_answered(page)
        assert answers(page)[0].endswith(LONG_ANSWER_ENDS)
        until(page, "__voicechat.audio().speakingTurn === null")
        rate = page.evaluate(SECOND)
        assert page.evaluate(PLAYED) - before > 8 * rate, "what was not heard of it is heard now"
        long = [each for each in wire.messages("turn_trace") if each["text_chars"] > 100]
        assert [each["outcome"] for each in long] == ["complete"]
        assert long[0]["heard_chars"] == long[0]["text_chars"]
        choose(page, "what is two plus two")
        assert asked(page) == ["what is two plus two"]
        assert "4" in answers(page)[0]
        until_titles(page, "what is two plus two", LONG_QUESTION)


@pytest.mark.requirement("S-10")
@pytest.mark.requirement("W-4")
def test_conversations_are_renamed_found_and_deleted(browser, new_page, server):
    with browser() as chromium:
        page = new_page(chromium, server.link)
        say(page, "what is two plus two")
        until_answered(page)
        begin_another(page)
        say(page, "what time is it")
        until_answered(page)
        until_titles(page, "what time is it", "what is two plus two")

        menu(page, "two plus two", "session-rename")
        page.get_by_test_id("session-rename-input").fill("Sums")
        page.get_by_test_id("session-rename-input").press("Enter")
        until_titles(page, "what time is it", "Sums")

        page.get_by_test_id("session-search").fill("plus")
        until_titles(page, "Sums")
        assert "plus" in page.locator(".session-snippet mark").all_inner_texts()
        page.get_by_test_id("session-search").fill("elephant")
        page.get_by_test_id("sessions-empty").wait_for()
        assert "Nothing found" in page.get_by_test_id("sessions-empty").inner_text()
        page.get_by_test_id("session-search").fill("")
        until_titles(page, "what time is it", "Sums")

        menu(page, "Sums", "session-delete")
        page.get_by_test_id("session-delete-cancel").click()
        assert len(titles(page)) == 2
        menu(page, "Sums", "session-delete")
        page.get_by_test_id("session-delete-confirm").click()
        until_titles(page, "what time is it")
        page.reload()
        until_phase(page, "connected")
        until_titles(page, "what time is it")
        page.get_by_test_id("session-search").fill("plus")
        page.get_by_test_id("sessions-empty").wait_for()


@pytest.mark.requirement("S-10")
def test_the_conversation_that_is_had_is_deleted(browser, new_page, server):
    with browser() as chromium:
        page = new_page(chromium, server.link)
        say(page, LONG_QUESTION)
        until(page, f"{PLAYED} > {SECOND}")
        before = current(page)
        menu(page, LONG_QUESTION, "session-delete")
        page.get_by_test_id("session-delete-confirm").click()
        until(page, f"{CURRENT} !== null && {CURRENT} !== '{before}'")
        assert asked(page) == answers(page) == []
        played = page.evaluate(PLAYED)
        page.wait_for_timeout(500)
        assert page.evaluate(PLAYED) == played, "it is silent"
        say(page, "what is two plus two")
        until_answered(page)
        until_titles(page, "what is two plus two")
        page.reload()
        until_phase(page, "connected")
        until_answered(page)
        assert asked(page) == ["what is two plus two"]


def exported(page: Page, action: str) -> Download:
    with page.expect_download() as download:
        menu(page, "two plus two", action)
    return download.value


@pytest.mark.requirement("S-10")
def test_a_conversation_is_exported(browser, new_page, server):
    with browser() as chromium:
        page = new_page(chromium, server.link)
        say(page, "what is two plus two")
        until_answered(page)
        until_titles(page, "what is two plus two")
        answer = answers(page)[0]
        file = exported(page, "session-export-md")
        assert file.suggested_filename.endswith(".md")
        text = Path(file.path()).read_text()
        assert "what is two plus two" in text
        assert answer in text
        file = exported(page, "session-export-json")
        assert file.suggested_filename.endswith(".json")
        messages = json.loads(Path(file.path()).read_text())["messages"]
        assert [each["text"] for each in messages] == ["what is two plus two", answer]
        assert notices(page) == []


@pytest.mark.requirement("S-10")
def test_nobody_sees_the_conversations_of_others(browser, new_page, server):
    with browser() as chromium:
        mine, theirs = chromium.new_context(), chromium.new_context()
        page = new_page(mine, server.link)
        say(page, "what is two plus two")
        until_answered(page)
        until_titles(page, "what is two plus two")
        other = new_page(theirs, server.link)
        other.get_by_test_id("session-search").fill("plus")
        until(other, "__voicechat.sessions().found !== null")
        assert other.evaluate("__voicechat.sessions().found") == []
        other.get_by_test_id("session-search").fill("")
        say(other, "what time is it")
        until_answered(other)
        until_titles(other, "what time is it")
        assert asked(other) == ["what time is it"]
        until_titles(page, "what is two plus two")
        mine.close()
        theirs.close()


# -- on a phone ------------------------------------------------------------------------------------


@pytest.mark.requirement("W-4")
@pytest.mark.requirement("W-6")
def test_on_a_phone_the_conversations_are_in_a_drawer(browser, new_page, server):
    with browser() as chromium:
        page = new_page(chromium, server.link)
        page.set_viewport_size(PHONE)
        drawer = page.locator("dialog[data-testid=sessions]")
        say(page, "what is two plus two")
        until_answered(page)
        assert not drawer.is_visible()
        page.get_by_test_id("sessions-toggle").click()
        page.get_by_test_id("session-new").click()
        drawer.wait_for(state="hidden")
        until(page, f"document.querySelectorAll('{ASSISTANT}').length === 0")
        say(page, "what time is it")
        until_answered(page)
        page.get_by_test_id("sessions-toggle").click()
        until_titles(page, "what time is it", "what is two plus two")
        assert fits(page)
        choose(page, "two plus two")
        drawer.wait_for(state="hidden")
        assert asked(page) == ["what is two plus two"]
        page.get_by_test_id("sessions-toggle").click()
        drawer.wait_for()
        page.keyboard.press("Escape")
        drawer.wait_for(state="hidden")
        focused = "document.activeElement.dataset.testid"
        assert page.evaluate(focused) == "sessions-toggle"
        page.set_viewport_size({"width": 360, "height": 640})
        assert fits(page)


def fits(page: Page) -> bool:
    """Nothing lies beyond the right edge."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
