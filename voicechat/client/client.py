"""A client for programs: it speaks to a voicechat server, and comes back when its network is lost.

The Trio shell around `voicechat.client.link`, which decides::

    async with open_client("http://127.0.0.1:8000") as client:
        client.text("what time is it")
        async for event in client.events():
            ...
"""

from __future__ import annotations

import math
from contextlib import asynccontextmanager
from random import random
from secrets import token_hex
from typing import TYPE_CHECKING, Final

import structlog
import trio

import voicechat
from voicechat.client.address import websocket_url
from voicechat.client.delivery import Deliveries
from voicechat.client.events import DisconnectedError, Event, StateChanged
from voicechat.client.heartbeat import INTERVAL_S
from voicechat.client.link import Link
from voicechat.client.serving import Serving
from voicechat.client.state import LOST, Phase
from voicechat.errors import UsageError
from voicechat.gateway.websocket import connect
from voicechat.protocol.messages.audio import ListenMode, Playback
from voicechat.protocol.messages.connection import PROTOCOL_VERSION, Hello
from voicechat.protocol.messages.conversation import Interrupt, UserMessage

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

    from voicechat.client.known import Begin, SessionKey
    from voicechat.client.state import State
    from voicechat.protocol.messages.base import ClientMessage

log = structlog.get_logger()

LEAVE_S: Final = 2.0
"""For what is still to be written when the client ends."""


class Client:
    """One session with a server, over as many connections as it takes; see `open_client`.

    Attributes:
        failure: Why the first connection could not be opened.
    """

    def __init__(
        self, link: Link, url: str, *, tls: ssl.SSLContext | None, chance: Callable[[], float]
    ) -> None:
        self._link = link
        self._url = url
        self._tls = tls
        self._chance = chance
        self._deliveries = Deliveries()
        self._life = trio.CancelScope()
        self._changed = trio.Event()
        self._serving: Serving | None = None
        self._leaving = False
        self._disconnected = trio.Event()
        self.begun = trio.Event()
        self.failure: UsageError | None = None

    # -- for the user --------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Whether the session is there, and what is done to get it back."""
        return self._link.state

    @property
    def session(self) -> SessionKey | None:
        """What resumes the session; None before it is there and after it has ended."""
        return self._link.session

    def events(self) -> Deliveries:
        """What happens: messages and speech of the server exactly once, `Restored`, `StateChanged`.

        For one task. It ends with the client; while nobody reads, the server has to wait.
        """
        return self._deliveries

    async def ready(self) -> SessionKey:
        """Wait for the session; it is there at once while the client has one.

        Raises:
            DisconnectedError: The client is offline.
        """
        while (key := self.session) is None or self.state.phase is not Phase.CONNECTED:
            if self.state.phase is Phase.OFFLINE:
                raise DisconnectedError(
                    self.state.message or "The server cannot be reached.",
                    suggested_action="Try again when it is running.",
                )
            await self._changed.wait()
        return key

    def send(self, message: ClientMessage) -> int | None:
        """Say something; its number, where it has one. See `Link.send` for what can go wrong.

        What has a number is kept, and sent when the server is there.
        """
        number = self._link.send(message)
        self._write()
        return number

    def text(self, text: str) -> int | None:
        """Say something in writing; its number."""
        return self.send(UserMessage(text))

    def interrupt(self, turn: int | None = None) -> int | None:
        """Stop the answer in flight: that of `turn`, or whichever it is."""
        return self.send(Interrupt(turn))

    def played(self, turn: int, samples: int, *, done: bool = False) -> None:
        """Tell where the loudspeaker is; samples at the rate of the hello."""
        self.send(Playback(turn, samples, done=done))

    def open_microphone(self, rate: int, mode: ListenMode = ListenMode.HANDS_FREE) -> None:
        """Begin to speak, at a sample rate in Hz; a microphone that is open is closed.

        Raises:
            DisconnectedError: The session is over.
        """
        self._link.outgoing.open_microphone(rate, mode)
        self._write()

    def audio(self, pcm: bytes) -> None:
        """Mono 16-bit samples, as they are heard; half a minute of them is kept.

        Raises:
            DisconnectedError: The session is over.
            ValueError: No microphone is open, or half a sample was given.
        """
        self._link.outgoing.audio(pcm)
        self._write()

    def close_microphone(self) -> None:
        """Speech that is open is a finished turn."""
        self._link.outgoing.close_microphone()
        self._write()

    def position(self, stream: int, at: int) -> int | None:
        """Where sample `at` of a stream is in all that was said since `open_microphone`.

        A server that was restarted hears the rest as another stream. None for other streams.
        """
        return self._link.outgoing.position(stream, at)

    def retry(self) -> None:
        """Try at once to reach the server: a person wants it, or the network is back."""
        before = self.state
        self._link.retry(trio.current_time())
        if self.state != before:
            self._deliveries.put(StateChanged(self.state))
        self._wake()

    # -- for `open_client` ---------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a connection until `leave`; `begun` is set when the first one is open or failed."""
        try:
            with self._life:
                while not self._leaving:
                    await self._deliveries.room()
                    await self._until_due()
                    await self._connection()
        finally:
            self._deliveries.end()

    async def leave(self) -> None:
        """Write what can be written, say goodbye and end."""
        self._leaving = True
        if self._serving is not None:
            self._serving.leave()
            with trio.move_on_after(LEAVE_S):
                await self._disconnected.wait()
        self._life.cancel()

    # -- inside --------------------------------------------------------------------------------

    async def _until_due(self) -> None:
        while True:
            at = self._link.connect_at
            with trio.move_on_at(math.inf if at is None else at):
                await self._changed.wait()
                continue
            return

    async def _connection(self) -> None:
        """One socket, from its opening until it is gone."""
        code = LOST
        try:
            async with connect(self._url, tls=self._tls) as ws:
                self._link.opened(trio.current_time())
                self._disconnected = trio.Event()
                self._serving = Serving(ws, self._link, self._deliveries, self._tell)
                self.begun.set()
                code = await self._serving.run()
        except UsageError as error:
            if not self.begun.is_set():
                self.failure, self._leaving = error, True
                self.begun.set()
                return
        self._serving = None
        self._disconnected.set()
        if not self._leaving:
            log.info("disconnected", code=code)
            self._tell(self._link.closed(code, trio.current_time(), self._chance()))

    def _tell(self, event: Event, seq: int | None = None) -> None:
        self._deliveries.put(event, seq)
        if isinstance(event, StateChanged):
            self._wake()

    def _write(self) -> None:
        if self._serving is not None:
            self._serving.work()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


@asynccontextmanager
async def open_client(
    url: str,
    *,
    hello: Hello | None = None,
    begin: Begin | None = None,
    tls: ssl.SSLContext | None = None,
    chance: Callable[[], float] = random,
    heartbeat_s: float = INTERVAL_S,
) -> AsyncIterator[Client]:
    """Talk to a server until the end of the block.

    Args:
        url: The link of its page, or of its WebSocket.
        hello: How to hear: rate, with speech or without; `user_key` for the sessions of a user.
        begin: Which session: a new one, or that of an earlier program with `Resume` (its `epoch`
            and `seq` are left out) or `SwitchSession`.
        tls: Whom to trust, instead of the system's authorities.
        chance: Gives numbers in 0…1, which spread the tries of many clients.
        heartbeat_s: A server that is silent for twice as long has vanished.

    Raises:
        UsageError: Nothing answers there.
        ExceptionGroup: Around what the block raises.
    """
    greeting = hello or Hello(PROTOCOL_VERSION, f"voicechat {voicechat.__version__}")
    link = Link(greeting, begin, client=token_hex(8), heartbeat_s=heartbeat_s)
    client = Client(link, websocket_url(url), tls=tls, chance=chance)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.run)
        await client.begun.wait()
        if client.failure is None:
            yield client
            await client.leave()
    if client.failure is not None:
        raise client.failure
