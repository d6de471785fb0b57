"""Runs a recorded session again: everything that came comes at its time, by virtual time."""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

import attrs
import trio

from voicechat.errors import ProtocolError, RecordingError
from voicechat.protocol.codec import Envelope
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.audio import AudioClose, AudioOpen
from voicechat.protocol.messages.base import ClientMessage
from voicechat.protocol.messages.thermal import Thermal
from voicechat.recording.file import Recording
from voicechat.recording.format import Record, SentSpeech, Taken
from voicechat.replay.climate import RecordedClimate
from voicechat.replay.virtual import run_virtually
from voicechat.settings import MASK, Layer, Settings, leaves
from voicechat.thermal.ladder import LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.recording.format import Header, Item
    from voicechat.replay.virtual import World
    from voicechat.session.session import Session
    from voicechat.settings import Effective
    from voicechat.wiring.core import Core


def settings_of(header: Header, here: Effective) -> Settings:
    """The settings for a replay: those recorded, but for what flags say.

    Args:
        header: Of the recording.
        here: Settings of this machine; of their layers only flags win over what was recorded.

    Raises:
        RecordingError: A recorded setting has a value that is not allowed here.
    """
    settings, known = here.settings, leaves()
    for key, recorded in header.settings.items():
        # Unknown: of another version of voicechat, or of a package that is not here.
        if key not in known or recorded == MASK or here.sources[key].layer is Layer.FLAG:
            continue
        try:
            value = known[key].kind.check(recorded)
        except ValueError:
            raise RecordingError(
                f"The recording was made with a {key} that is not allowed here.",
                suggested_action=f"Choose one with --set {key}=…; allowed: "
                f"{known[key].kind.allowed}.",
            ) from None
        name, _, field = key.partition(".")
        section = attrs.evolve(getattr(settings, name), **{field: value})
        settings = attrs.evolve(settings, **{name: section})
    return settings


def rerun(recording: Recording, settings: Settings, *, core: Core | None = None) -> Recording:
    """Run a recorded session again.

    Args:
        recording: What came, and when.
        settings: See `settings_of`.
        core: Replaces the engines of the settings.

    Returns:
        What came and went this time; the header is that of the recording.

    Raises:
        UsageError: A setting does not fit this machine: an engine or an agent is not installed.
        EngineFailed: An engine cannot start, or has ended.
    """
    main = partial(_replay, recording=recording)
    return Recording(recording.header, tuple(run_virtually(main, settings, core=core)))


def schedule(records: Iterable[Record]) -> list[tuple[float, ClientMessage | AudioFrame]]:
    """What came, at the seconds at which it comes again.

    A frame that had to wait for the listener comes when the listener began to work on it, so that
    the replay is as late as the recorded session was. Where it waited because of heat, it waits by
    itself: the heat is replayed as well.
    """
    records = tuple(records)
    late = {
        (record.item.stream, record.item.seq, record.item.offset): record.at
        for record in reversed(records)
        if isinstance(record.item, Taken)
    }
    hot = _hot(records)
    came: list[tuple[float, ClientMessage | AudioFrame]] = []
    latest = 0.0  # of the microphone, whose frames and streams keep their order
    for record in records:
        at, item = record.at, record.item
        if isinstance(item, AudioFrame | AudioOpen | AudioClose):
            if isinstance(item, AudioFrame) and not hot(at):
                at = max(at, late.get((item.stream, item.seq, item.offset), at))
            at = latest = max(at, latest)
        if isinstance(item, ClientMessage | AudioFrame):
            came.append((at, item))
    came.sort(key=itemgetter(0))
    return came


def _hot(records: tuple[Record, ...]) -> Callable[[float], bool]:
    """Tells whether work could wait for the machine to cool down at a moment."""
    changes = [(0.0, False)]
    for record in records:
        if isinstance(record.item, Thermal):
            slots = LIMITS.get(record.item.state, Limits()).slots
            changes.append((record.at, slots is not None))
    return lambda at: changes[bisect_right(changes, at, key=itemgetter(0)) - 1][1]


async def _replay(world: World, *, recording: Recording) -> list[Record]:
    header, tap = recording.header, _Collector()
    climate = RecordedClimate(recording, world.gate)
    hello = attrs.evolve(header.hello, acknowledges=False)  # nothing is lost on the way here
    session = world.session(hello, header.session_id, tap, now=header.started, climate=climate)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(climate.run, tap.began)
        nursery.start_soon(_empty, session)
        for at, item in schedule(recording.records):
            await trio.sleep_until(tap.began + at)
            await _hand_in(session, item)
        await trio.sleep_until(tap.began + recording.seconds)
        session.end()
    await session.ended.wait()
    return tap.records


async def _empty(session: Session) -> None:
    """Be a client that reads at once."""
    async for _ in session.outbox:
        pass


async def _hand_in(session: Session, item: ClientMessage | AudioFrame) -> None:
    """Do as the connection does."""
    if isinstance(item, AudioFrame):
        try:
            session.requests.hear(item)
        except ProtocolError as error:
            await session.report(error)
    else:
        session.requests.handle(Envelope(item, None))


class _Collector:
    """A tap that keeps all in memory, without the sound of speech.

    Attributes:
        began: When it was made (monotonic seconds).
        records: As a recorder would have written them.
    """

    def __init__(self) -> None:
        self.began = trio.current_time()
        self.records: list[Record] = []

    def received(self, item: ClientMessage | AudioFrame, /) -> None:
        self._put(item)

    def queued(self, frame: AudioFrame, /) -> None:
        """Nothing waits for long."""

    def taken(self, frame: AudioFrame, /) -> None:
        """Nothing is late in virtual time."""

    def sent(self, item: ServerMessage | AudioFrame, /) -> None:
        self._put(SentSpeech.of(item) if isinstance(item, AudioFrame) else item)

    async def run(self) -> None:
        """Have nothing to do."""

    def _put(self, item: Item) -> None:
        self.records.append(Record(trio.current_time() - self.began, item))
