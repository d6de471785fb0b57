"""A server that gets hot in mid-conversation, as a user sees and hears it; the sensor is a file."""

from __future__ import annotations

import attrs
import httpx
import pytest

from tests.e2e.conftest import serving
from tests.e2e.test_interruption import events, silence
from tests.e2e.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

QUESTION = "what can you do"
CHIP = "document.querySelector('[data-testid=thermal-chip]').dataset.state"
WAITING = "document.querySelector('[data-testid=thermal-waiting]')"


@attrs.frozen
class Machine:
    """A server and its thermometer."""

    link: str
    sensor: object

    def is_at(self, celsius: float) -> None:
        self.sensor.write_text(f"{round(celsius * 1000)}\n")

    def thermal(self) -> dict:
        return httpx.get(f"{self.link}/api/v1/thermal").json()


@pytest.fixture
def machine(tmp_path):
    sensor = tmp_path / "temp"
    sensor.write_text("61500\n")
    hot = {"VOICECHAT_THERMAL_SENSOR": f"file:{sensor}", "THERMAL_CHECK_INTERVAL": "0.2"}
    with serving(tmp_path, **hot) as link:
        yield Machine(link, sensor)


def ask(page) -> None:
    box = page.get_by_test_id("text-input")
    box.fill(QUESTION)
    box.press("Enter")


def ended(page, turn: int) -> dict:
    until(
        page,
        f"__voicechat.events().some(e => e.what.type === 'turn_trace' && e.what.turn === {turn})",
        timeout_s=60,
    )
    (trace,) = events(page, "turn_trace", turn)
    return trace


def text_of(page, turn: int) -> str:
    return "".join(event["text"] for event in events(page, "stream_delta", turn))


@pytest.mark.requirement("T-2")
@pytest.mark.requirement("T-7")
def test_an_answer_stops_for_heat_and_goes_on_where_it_was(machine, browser_page):
    with browser_page(machine.link, silence(1)) as page:
        until(page, f"{CHIP} === 'normal'")
        assert "62" in page.get_by_test_id("thermal-chip").inner_text()
        ask(page)
        cool = ended(page, 1)

        before = page.evaluate("__voicechat.playedSamples()")
        ask(page)
        until(page, f"__voicechat.playedSamples() > {before} + __voicechat.outputRate()")
        machine.is_at(90)
        until(page, f"{CHIP} === 'paused'", timeout_s=10)
        until(page, f"{WAITING} !== null", timeout_s=10)
        assert "cool down" in page.get_by_test_id("thermal-waiting").inner_text()
        assert machine.thermal()["state"] == "paused"
        assert machine.thermal()["gate"]["waiting"] > 0
        page.wait_for_timeout(5000)  # what was under way, and the notice, are heard to their end
        so_far = page.evaluate("__voicechat.playedSamples()")
        page.wait_for_timeout(1500)
        assert page.evaluate("__voicechat.playedSamples()") == so_far, "it is silent"
        assert events(page, "turn_trace", 2) == []

        machine.is_at(60)
        until(page, f"{CHIP} === 'normal'", timeout_s=10)
        hot = ended(page, 2)
        until(page, f"{WAITING} === null")
        assert hot["outcome"] == "complete"
        assert text_of(page, 2) == text_of(page, 1)
        assert hot["heard_chars"] == hot["text_chars"] == cool["text_chars"]
        notice_ms = hot["played_ms"] - cool["played_ms"]
        print(f"the answer lasts {cool['played_ms']:.0f} ms, the notice {notice_ms:.0f} ms")
        assert 1000 < notice_ms < 4000
        assert machine.thermal()["gate"] == {"slots": machine.thermal()["gate"]["slots"]} | {
            "occupied": 0,
            "waiting": 0,
        }


@pytest.mark.requirement("T-2")
def test_what_is_said_during_a_pause_is_answered_after_it(machine, browser_page, flite):
    machine.is_at(88)
    microphone = silence(2) + flite("what time is it", "slt") + silence(60)
    with browser_page(machine.link, microphone) as page:
        until(page, f"{CHIP} === 'paused'", timeout_s=10)
        page.get_by_test_id("mic-button").click()
        until(page, f"{WAITING} !== null", timeout_s=20)
        until(page, "__voicechat.playedSamples() > __voicechat.outputRate()")  # the notice
        page.wait_for_timeout(2000)
        assert page.get_by_test_id("message-user").count() == 0
        machine.is_at(70)
        until(page, "__voicechat.events().some(e => e.what.type === 'turn_trace')", timeout_s=60)
        assert page.get_by_test_id("message-user").inner_text().lower().startswith("what time")
        until(page, f"{WAITING} === null")
