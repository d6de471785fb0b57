"""The notice of a pause is prepared at the start: no voice may keep the server from starting."""

from __future__ import annotations

from contextlib import asynccontextmanager

import attrs
import pytest
import structlog.testing
import trio

from tests.fakes import ToneSynthesizer
from voicechat.conversation.notice import LONGEST_S, Notice
from voicechat.errors import EngineFailed

pytestmark = pytest.mark.requirement("L-4")


@attrs.define
class Odd(ToneSynthesizer):
    """Does something else at one moment of a synthesis."""

    at: str = ""
    error: Exception | None = None

    @asynccontextmanager
    async def speak(self, text):
        await self._moment("begin")
        async with ToneSynthesizer.speak(self, text) as chunks:
            yield self._told(chunks)
        await self._moment("end")

    async def _told(self, chunks):
        async for chunk in chunks:
            yield chunk
            await self._moment("middle")

    async def _moment(self, moment):
        if moment == self.at:
            if self.error is not None:
                raise self.error
            await trio.sleep_forever()


@pytest.fixture
def logs():
    with structlog.testing.capture_logs() as entries:
        yield entries


MOMENTS = pytest.mark.parametrize("at", ["begin", "middle", "end"])


@MOMENTS
@pytest.mark.parametrize("grouped", [False, True])
async def test_any_fault_is_a_warning_with_its_traceback(at, grouped, logs, autojump_clock):
    error = OSError("/dev/snd is busy")
    if grouped:
        error = ExceptionGroup("nursery", [error])
    notice = Notice(Odd(at=at, error=error))
    await notice.prepare()
    assert notice.pcm == b""
    (entry,) = logs
    assert entry["log_level"] == "warning"
    assert entry["event"] == "a pause will not be announced by voice"
    assert entry["reason"] == "the synthesiser failed"
    assert entry["exc_info"] is error


@MOMENTS
async def test_what_the_engine_says_itself_needs_none(at, logs, autojump_clock):
    error = ExceptionGroup("nursery", [EngineFailed("There is no voice.")])
    notice = Notice(Odd(at=at, error=error))
    await notice.prepare()
    assert notice.pcm == b""
    (entry,) = logs
    assert (entry["reason"], entry["exc_info"]) == ("There is no voice.", None)


@MOMENTS
async def test_without_an_end_it_is_given_up(at, logs, autojump_clock):
    tts = Odd(at=at)
    notice = Notice(tts)
    began = trio.current_time()
    await notice.prepare()
    assert trio.current_time() - began == pytest.approx(LONGEST_S)
    assert notice.pcm == b""
    assert tts.open_now == 0
    (entry,) = logs
    assert (entry["log_level"], entry["reason"]) == ("warning", "it took too long")
