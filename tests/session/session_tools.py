"""Sessions on fakes, with a client that can come and go, for the tests below the sockets."""

from __future__ import annotations

from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from tests.fakes import EchoAgent, LoudnessVoiceActivity, ScriptedRecognizer, ToneSynthesizer
from voicechat.conversation.thinking import Thinkers
from voicechat.errors import ProtocolError, StoreFailed
from voicechat.protocol.codec import Codec, Envelope
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import Playback
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import UserMessage
from voicechat.protocol.messages.session import Ack, Resume
from voicechat.protocol.messages.trace import TurnTrace
from voicechat.session.kept import KeptSessions
from voicechat.session.library import Library
from voicechat.session.lifecycle import Timers
from voicechat.session.manager import SessionManager
from voicechat.session.scribe import Scribe
from voicechat.session.session import Session
from voicechat.session.store.memory import MemoryStore
from voicechat.session.sweeper import Sweeper
from voicechat.settings import Sessions, Settings
from voicechat.thermal.gate import InferenceGate

RATE = 16_000
HELLO = Hello(1, output_rate=RATE, acknowledges=True, reports_playback=True)


class SlowStore(MemoryStore):
    """A disk that can be held up, and that can be full."""

    def __init__(self) -> None:
        super().__init__()
        self.free = trio.Event()
        self.free.set()
        self.full = False
        self.dead = False
        self.applied: list = []
        self.tried = 0

    def block(self) -> None:
        self.free = trio.Event()

    async def apply(self, changes) -> None:
        await self.free.wait()
        self.tried += 1
        if self.dead:  # as after kill -9
            await trio.lowlevel.checkpoint()
            return
        if self.full:
            await trio.lowlevel.checkpoint()
            raise StoreFailed("The disk is full.")
        await super().apply(changes)
        self.applied.append(list(changes))


def make(session_id="s", hello=HELLO, *, agent=None, again=None, replay_kb=1024, **how):
    """A session; `again` makes another agent after a rest."""
    return Session(
        session_id,
        hello,
        thinkers=Thinkers(agent or EchoAgent(), None, again),
        vad=LoudnessVoiceActivity(),
        stt=how.pop("stt", None) or ScriptedRecognizer([]),
        tts=how.pop("tts", None) or ToneSynthesizer(),
        gate=InferenceGate(64),
        codec=Codec(),
        settings=Settings(sessions=Sessions(replay_kb=replay_kb)),
        **how,
    )


@attrs.define
class House:
    """Everything that keeps sessions, running."""

    store: MemoryStore
    scribe: Scribe
    manager: SessionManager
    finder: KeptSessions
    library: Library
    nursery: trio.Nursery

    def create(self, client=None, hello=HELLO, user_id="u"):
        """A new session, driven by `client` if there is one."""
        alive = self.manager.create(hello, user_id)
        if client is not None:
            client.drives(alive, self.manager.drive(alive, client))
        return alive

    async def kept(self, alive):
        await self.scribe.flush()
        return await self.store.get(alive.id)

    async def said(self, alive):
        """(speaker, text, status) of all that is kept."""
        await self.scribe.flush()
        kept = await self.store.messages(alive.id, limit=1000)
        return [(str(each.speaker), each.text, str(each.status)) for each in kept]


TIMERS = Timers(resume_window_s=300, idle_s=1800, max_duration_s=86_400)


@asynccontextmanager
async def house(
    made=None, *, store=None, limit=64, timers=TIMERS, keep_days=None, secrets=None, **how
):
    """All of it; sessions are made by `made`, or with `how`."""
    store = store or SlowStore()

    def make_one(session_id, hello, **more):
        return (made or make)(session_id, hello, **how, **more)

    scribe = Scribe(store)
    manager = SessionManager(make_one, scribe=scribe, limit=limit, timers=timers, secrets=secrets)
    finder = KeptSessions(manager, store, scribe)
    library = Library(manager, finder, store, scribe)
    sweeper = Sweeper(manager, store, finder, keep_days=keep_days)
    async with trio.open_nursery() as nursery:
        await nursery.start(scribe.run)
        async with trio.open_nursery() as inner:
            await inner.start(manager.run)
            await inner.start(sweeper.run)
            yield House(store, scribe, manager, finder, library, inner)
            inner.cancel_scope.cancel()
        nursery.cancel_scope.cancel()


class Client:
    """What stands at the end of a connection: it numbers, takes, acknowledges and plays.

    It is the `Line` of its session as well.
    """

    def __init__(self) -> None:
        self.alive = None
        self.session = None
        self.entries: list = []  # (seq, item) in the order of arrival
        self.acks = 0
        self.taken_over_times = 0
        self.number = 0
        self.in_the_air = 0  # so many of the newest entries have not arrived yet
        self._news = trio.Event()

    # -- a line --------------------------------------------------------------------------------

    def wake(self) -> None:
        self._news.set()
        self._news = trio.Event()

    def ack(self) -> None:
        self.acks += 1
        self.wake()

    def taken_over(self) -> None:
        self.taken_over_times += 1

    # -- its connection ------------------------------------------------------------------------

    def drives(self, alive, attached=None) -> None:
        self.alive = alive
        self.session = alive.session
        self.attached = attached

    def attach(self, session, point=None):
        """Drive a session that has no manager."""
        self.session = session
        self.attached = session.driver.attach(self, point)
        return self.attached

    def point(self, **how) -> Resume:
        session_id, secret = (self.alive.id, self.alive.secret) if self.alive else ("s", "?")
        how = {"epoch": self.session.driver.epoch, "seq": self.seq, "buffered": True} | how
        how = {"client_seq": self.number + 1} | how
        return Resume(session_id=session_id, secret=secret, **how)

    # -- what it gets --------------------------------------------------------------------------

    @property
    def seq(self) -> int:
        return max((seq for seq, _ in self.entries), default=0)

    @property
    def items(self):
        return [item for _, item in self.entries]

    @property
    def numbers(self):
        return [seq for seq, _ in self.entries]

    def of(self, kind):
        return [item for item in self.items if isinstance(item, kind)]

    def speech(self):
        return [item for item in self.of(AudioFrame) if item.pcm]

    def take(self) -> bool:
        """Take one item if there is one."""
        entry = self.session.outbox.take()
        if entry is not None:
            self.entries.append((entry.seq, entry.item))
        return entry is not None

    def take_all(self) -> int:
        before = len(self.entries)
        while self.take():
            pass
        return len(self.entries) - before

    async def until(self, condition, *, plays=False) -> None:
        """Take, and play at once if wanted, until something is so."""
        while True:
            while not condition():
                if not self.take():
                    break
                if plays:
                    self.plays()
            if condition():
                return
            await self._news.wait()

    async def until_has(self, kind, number=1, *, plays=False):
        await self.until(lambda: len(self.of(kind)) >= number, plays=plays)
        return self.of(kind)[number - 1]

    # -- what it says --------------------------------------------------------------------------

    def say(self, message, seq=None) -> None:
        if message.numbered and seq is None:
            self.number += 1
            seq = self.number
        self.session.requests.handle(Envelope(message, seq))

    def types(self, text: str) -> None:
        self.say(UserMessage(text))

    def acknowledges(self) -> None:
        self.say(Ack(self.seq))

    def plays(self) -> None:
        """Report that all speech that has arrived has been heard, if this client does so."""
        arrived = self.items[: len(self.entries) - self.in_the_air]
        frames = [item for item in arrived if isinstance(item, AudioFrame)]
        if frames and self.session.hello.reports_playback:
            last = frames[-1]
            end = last.offset + last.samples
            self.say(Playback(last.stream, end, done=last.last))

    def speaks(self, stream: int, offset: int, pcm: bytes, *, last=False) -> int:
        """Send audio in frames of 20 ms; returns where it ends."""
        size = RATE // 50 * 2
        for at in range(0, len(pcm), size):
            part = pcm[at : at + size]
            end = last and at + size >= len(pcm)
            frame = AudioFrame(FrameKind.MICROPHONE, stream, 0, offset + at // 2, part, last=end)
            self.session.requests.hear(frame)
        return offset + len(pcm) // 2


@asynccontextmanager
async def running(session):
    """A session alone."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.run)
        yield session
        session.end()


async def asked(client, text="hello"):
    """Ask, and have the whole answer."""
    number = len(client.of(TurnTrace)) + 1
    client.types(text)
    await client.until_has(TurnTrace, number, plays=True)


async def expired(kept, text="hello"):
    """A session of user "u" in which something was said, and to which nobody came back."""
    client = Client()
    alive = kept.create(client)
    await asked(client, text)
    await kept.manager.leave(alive, client)
    kept.manager.expire(alive)
    await alive.session.ended.wait()
    return alive, client


async def refused(code, call, *args):
    with pytest.raises(ProtocolError) as caught:
        await call(*args)
    assert caught.value.code is code
