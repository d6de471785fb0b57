"""The nursery tree: every long-lived task of voicechat is started here, and nowhere else.

services                        a fault here ends the process
├─ signals                      SIGINT, SIGTERM
├─ engines                      voice activity, recogniser and synthesiser, with their children
├─ governor                     thermometer, ladder, gate; with the crowd of a simulation
├─ store                        owned by its scribe, who writes all that is kept
├─ sessions                     one nursery each, whether a connection drives them or not; a fault
│                               ends that session only
├─ sweeper                      rests, expires and ends sessions, forgets old ones
└─ door                         the port and its connections; first to go at shutdown
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import attrs
import structlog
import trio

from voicechat.gateway import tls
from voicechat.wiring import parts as wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.gateway.listening import Bound
    from voicechat.settings import Settings

log = structlog.get_logger()


async def serve(
    settings: Settings, *, on_ready: Callable[[list[str]], None], signals: bool = True
) -> None:
    """Run the server until a signal ends it, or until cancelled.

    The first SIGINT or SIGTERM stops accepting, tells every client, and lets turns in flight end
    within `server.grace_s`; the second one cancels everything at once.

    Args:
        settings: The whole tree.
        on_ready: Told the links to open, the one for this machine first, once every engine is
            ready and the port is open.
        signals: False where the server is a part of a program that handles signals itself.

    Raises:
        UsageError: The port cannot be opened, or a setting does not fit this machine.
        EngineFailed: An engine cannot start.
    """
    shutdown = trio.Event()
    async with trio.open_nursery() as services:
        with trio.CancelScope() as starting:
            if signals:
                await services.start(_signals, shutdown, starting, services.cancel_scope)
            parts = wiring.build(settings, shutdown)
            await parts.probe()
            async with trio.open_nursery() as engines:
                for engine in parts.engines:
                    engines.start_soon(services.start, engine.run)
            await parts.notice.prepare()
            await services.start(parts.governor.run)
            await services.start(parts.crowd.run)
            await services.start(parts.sessions.scribe.run)
            await services.start(parts.sessions.manager.run)
            await services.start(parts.sessions.sweeper.run)
        if not starting.cancelled_caught:
            async with trio.open_nursery() as door:
                addresses = await door.start(parts.door)
                log.info("ready", addresses=[address.url for address in addresses])
                on_ready(_links(addresses[0]))
                door.start_soon(parts.drain)
            await parts.sessions.scribe.flush()
        services.cancel_scope.cancel()


async def _signals(
    shutdown: trio.Event,
    starting: trio.CancelScope,
    everything: trio.CancelScope,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
        task_status.started()
        async for number in received:
            name = signal.Signals(number).name
            if shutdown.is_set():
                log.warning("stopping at once", signal=name)
                everything.cancel()
            else:
                log.info("stopping when answers have ended; again to stop at once", signal=name)
                shutdown.set()
                starting.cancel()


def _links(address: Bound) -> list[str]:
    """What to open in a browser: here first, then from other machines where they can connect."""
    if address.host not in {"0.0.0.0", "::"}:  # noqa: S104  (compared with, not bound to)
        return [address.url]
    return [attrs.evolve(address, host=host).url for host in ("localhost", *tls.lan_addresses())]
