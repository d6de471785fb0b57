"""From settings to what keeps sessions, and to those who look after them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from voicechat import engines
from voicechat.session import identity
from voicechat.session.kept import KeptSessions
from voicechat.session.library import Library
from voicechat.session.lifecycle import Timers
from voicechat.session.manager import SessionManager
from voicechat.session.scribe import Scribe
from voicechat.session.store.memory import MemoryStore
from voicechat.session.store.sqlite import SqliteStore
from voicechat.session.sweeper import Sweeper

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.session.alive import Make
    from voicechat.session.store.ports import Store
    from voicechat.settings import Sessions, Settings


@attrs.frozen
class SessionParts:
    """What the tree starts for sessions, in this order.

    Attributes:
        scribe: Owns the store and writes there.
        manager: The branch of sessions.
        kept: Finds those that may be driven again.
        sweeper: Does what is due in them.
        library: Those of a user, alive or not.
        store: Where they are kept.
    """

    scribe: Scribe
    manager: SessionManager
    kept: KeptSessions
    sweeper: Sweeper
    library: Library
    store: Store


def build(settings: Settings, make: Make) -> SessionParts:
    """Make them; nothing runs yet.

    Args:
        settings: The whole tree.
        make: Builds a session.

    Raises:
        UsageError: The data folder cannot be used.
    """
    wanted = settings.sessions
    folder = settings.server.data_dir
    built_in: dict[str, Callable[[], Store]] = {
        "sqlite": lambda: SqliteStore(folder, power_safe=wanted.power_safe),
        "memory": MemoryStore,
    }
    store = engines.make("sessions.store", wanted.store, settings, built_in)
    scribe = Scribe(store)
    manager = SessionManager(
        make,
        scribe=scribe,
        limit=wanted.max,
        timers=_timers(wanted),
        secrets=identity.Secrets() if wanted.store == "memory" else identity.kept_in(folder),
    )
    days = wanted.keep_days if isinstance(wanted.keep_days, int) else None
    kept = KeptSessions(manager, store, scribe, window_s=wanted.resume_window_s)
    sweeper = Sweeper(manager, store, kept, keep_days=days)
    return SessionParts(
        scribe, manager, kept, sweeper, Library(manager, kept, store, scribe), store
    )


def _timers(wanted: Sessions) -> Timers:
    longest = wanted.max_duration_s
    return Timers(
        resume_window_s=wanted.resume_window_s,
        idle_s=wanted.idle_timeout_s,
        max_duration_s=math.inf if isinstance(longest, str) else longest,
    )
