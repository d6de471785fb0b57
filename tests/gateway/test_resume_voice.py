"""A microphone whose connection is cut in the middle of a word, with the real recogniser."""

from __future__ import annotations

import json

import pytest

from tests.gateway.session_client import SessionClient
from tests.gateway.session_server import image, kept, running
from voicechat.gateway.websocket import WebSocket
from voicechat.protocol.frames import AudioFrame, FrameKind

FRAME = 640  # samples: 40 ms
SENTENCE = "what time is it"
CUTS = (0.12, 0.3, 0.45, 0.6, 0.85)
"""Parts of the sentence after which the network goes."""

pytestmark = [pytest.mark.requirement("S-3"), pytest.mark.requirement("V-1")]


@pytest.fixture(scope="module")
def spoken(flite):
    """The sentence, with the silence in which a turn ends."""
    return bytes(16_000) + flite(SENTENCE) + bytes(2 * 24_000)


async def speak(who: SessionClient, pcm: bytes, stream: int, start: int, end: int, base: int = 0):
    """Send the samples from `start` to `end` of it, as a stream that began at sample `base`."""
    for at in range(start, end, FRAME):
        part = pcm[2 * at : 2 * min(at + FRAME, end)]
        offset = at - base
        await who.ws.send(
            AudioFrame(FrameKind.MICROPHONE, stream, offset // FRAME, offset, part).pack()
        )


async def heard(who: SessionClient) -> tuple[str, bool]:
    """What was understood, until it has been answered."""
    await who.until_it_has("response_complete", 1)
    (final,) = who.of("transcript_final")
    return final["text"], final["accepted"]


async def test_what_is_said_across_a_cut_is_understood_as_without_it(tmp_path, spoken):
    samples = len(spoken) // 2
    async with running(tmp_path) as server:
        for part in (None, *CUTS):
            who = SessionClient(url=server.websocket)
            async with who.connected():
                await who.create()
                await who.say("audio_open", stream=1, rate=16_000)
                if part is None:
                    await speak(who, spoken, 1, 0, samples)
                    assert await heard(who) == (SENTENCE, True)
                    continue
                cut = int(part * samples)
                await speak(who, spoken, 1, 0, cut)
                if part > 0.4:
                    await who.until("speech_started")
                who.cut()
            async with who.connected():
                restored = await who.resume()
                assert restored["stream"] in {1, None}
                assert 0 <= restored["samples"] <= cut
                again = max(0, restored["samples"] - 3 * FRAME - 100)  # some of it twice
                await speak(who, spoken, 1, again, samples)
                assert await heard(who) == (SENTENCE, True), part
                await who.say("audio_close", stream=1)
                await who.taken()
                assert who.acked["samples"] == samples
            assert who.holes() == []


async def test_what_was_not_settled_is_said_again_after_a_restart(tmp_path, spoken):
    samples = len(spoken) // 2
    cut = int(0.5 * samples)
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected():
            await who.begin_with("hello")
            await who.say("audio_open", stream=1, rate=16_000)
            await speak(who, spoken, 1, 0, cut)
            await who.until("speech_started")
            who.cut()
        await server.kill()
    who.outstanding.clear()
    async with running(tmp_path) as server, who.connected(server.websocket):
        restored = await who.resume()
        assert len(restored["history"]) == 2
        begin = restored["samples"] if restored["stream"] == 1 else 0
        assert begin < cut
        await who.say("audio_open", stream=2, rate=16_000)
        await speak(who, spoken, 2, begin, samples, base=begin)
        assert await heard(who) == (SENTENCE, True)


@pytest.mark.requirement("S-4")
async def test_what_was_heard_is_kept_before_the_client_is_told(tmp_path, spoken, monkeypatch):
    found, send = [], WebSocket.send

    async def look_and_send(self, data):
        if isinstance(data, str) and json.loads(data)["type"] == "transcript_final":
            found.extend(kept(image(tmp_path / "data", tmp_path / "look")))
        await send(self, data)

    monkeypatch.setattr(WebSocket, "send", look_and_send)
    async with running(tmp_path / "data") as server:
        who = SessionClient(url=server.websocket)
        async with who.connected():
            await who.create()
            await who.say("audio_open", stream=1, rate=16_000)
            await speak(who, spoken, 1, 0, len(spoken) // 2)
            assert await heard(who) == (SENTENCE, True)
    assert ("user", SENTENCE, "complete") in found
