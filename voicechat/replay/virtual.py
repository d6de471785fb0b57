"""Runs sessions with their real engines in virtual time, as fast as the machine can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import attrs
import trio
import trio.testing

from voicechat.replay.held import (
    HeldEndOfTurn,
    HeldSpeechToText,
    HeldTextToSpeech,
    HeldVoiceActivity,
    Latencies,
)
from voicechat.replay.held_agents import HeldAgents
from voicechat.replay.hold import Hold, in_order
from voicechat.wiring.core import Core, build_core

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from voicechat.protocol.messages.connection import Hello
    from voicechat.session.heat import Climate
    from voicechat.session.session import Session
    from voicechat.session.tap import Tap
    from voicechat.settings import Settings
    from voicechat.thermal.gate import InferenceGate

T = TypeVar("T")

DAWN: Final = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
"""What the wall clock says at the beginning, where nobody gives another time."""


class World:
    """Where sessions live in virtual time.

    Args:
        core: What they are made of, held.
        nursery: Runs them; whatever is left in it at the end is cancelled.
    """

    def __init__(self, core: Core, nursery: trio.Nursery) -> None:
        self._core: Final = core
        self._nursery: Final = nursery

    @property
    def gate(self) -> InferenceGate:
        """What all inference passes."""
        return self._core.gate

    def session(
        self,
        hello: Hello,
        session_id: str = "session",
        tap: Tap | None = None,
        *,
        now: datetime | None = None,
        settings: Settings | None = None,
        climate: Climate | None = None,
    ) -> Session:
        """Start a session; it takes messages and audio at once.

        Its outbox must be emptied (`Session.take` or `Session.outbox`), or it waits for its client.

        Args:
            hello: What the client asks for.
            session_id: The chance of its agent depends on it alone.
            tap: Is told of all that comes and goes.
            now: The wall clock at this moment, with its zone.
            settings: Replaces those of the world, but for the engines.
            climate: Knows how hot it is; without it the session is not told.
        """
        core = self._core if settings is None else attrs.evolve(self._core, settings=settings)
        began, begins = trio.current_time(), now or DAWN

        def wall_clock() -> datetime:
            return begins + timedelta(seconds=trio.current_time() - began)

        session = core.session(session_id, hello, now=wall_clock, tap=tap, climate=climate)
        self._nursery.start_soon(session.run, name=f"session {session_id}")
        return session


def run_virtually(
    main: Callable[[World], Awaitable[T]],
    settings: Settings,
    *,
    latencies: Latencies | None = None,
    core: Core | None = None,
) -> T:
    """Run `main` in virtual time, in a Trio run of its own, and end everything after it.

    Time begins at 0 when the engines are ready. It jumps to the next deadline whenever all tasks
    wait, and stands still while an engine or an agent works. So `main` may sleep for hours, but it
    may not wait for anything real itself (threads, files, sockets): for it no time is held.

    Args:
        main: What to do; may start sessions and talk to them.
        settings: Which engines to start, and how sessions behave.
        latencies: What the engines take in virtual time.
        core: Replaces the engines of the settings.

    Returns:
        What `main` returns.

    Raises:
        UsageError: A setting does not fit this machine.
        EngineFailed: An engine cannot start, or has ended.
    """
    clock = trio.testing.MockClock()
    hold = Hold(clock)
    hold.acquire()  # starting is real work, and so is ending

    async def live() -> T:
        real = core or build_core(settings)
        async with trio.open_nursery() as engines:
            async with trio.open_nursery() as starting:
                for engine in real.engines:
                    starting.start_soon(engines.start, engine.run)
            await real.notice.prepare()
            result = await _sessions(main, held(real, hold, latencies or Latencies()), hold)
            engines.cancel_scope.cancel()
        return result

    with in_order():
        try:
            return trio.run(live, clock=clock)
        except BaseExceptionGroup as group:
            raise _only(group) from None


def held(core: Core, hold: Hold, latencies: Latencies) -> Core:
    """The same, with every engine and agent wrapped; the engines are to be run by themselves."""
    return attrs.evolve(
        core,
        vad=HeldVoiceActivity(core.vad, hold, latencies),
        stt=HeldSpeechToText(core.stt, hold, latencies),
        tts=HeldTextToSpeech(core.tts, hold, latencies),
        end_of_turn=None
        if core.end_of_turn is None
        else HeldEndOfTurn(core.end_of_turn, hold, latencies),
        agents=HeldAgents(core.agents, hold, latencies),
        phrases=None if core.phrases is None else HeldAgents(core.phrases, hold, latencies),
    )


async def _sessions(main: Callable[[World], Awaitable[T]], core: Core, hold: Hold) -> T:
    """Let time pass for `main` and its sessions alone."""
    with hold.released():
        async with trio.open_nursery() as sessions:
            result = await main(World(core, sessions))
            sessions.cancel_scope.cancel()
    return result


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error out of the groups that nurseries make; a group where there are several."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
