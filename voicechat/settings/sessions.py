"""The section about sessions: how long they live, and what is kept of them."""

from __future__ import annotations

import attrs

from voicechat.settings.kinds import Boolean, Integer, Number, Text
from voicechat.settings.setting import setting


@attrs.frozen
class Sessions:
    """Sessions: how many, for how long, and what is kept of them."""

    max: int = setting(
        64,
        Integer(1, 100_000),
        "Sessions alive at once, with those that wait for their client; further ones are refused.",
        alias="MAX_SESSIONS",
    )
    resume_window_s: float = setting(
        300.0,
        Number(0, 86_400, "seconds"),
        "How long a session goes on for a client that has lost its network.",
        alias="SESSION_RESUME_WINDOW",
    )
    idle_timeout_s: float = setting(
        1800.0,
        Number(1, 1_000_000, "seconds"),
        "After so long without a word the agent of a session is released, until it is needed.",
        alias="SESSION_IDLE_TIMEOUT_SECONDS",
    )
    max_duration_s: float | str = setting(
        86_400.0,
        Number(1, 10_000_000, "seconds", words=("off",)),
        "Longest life of a session; it can then be continued from its history.",
        alias="SESSION_MAX_DURATION",
    )
    replay_kb: int = setting(
        1024,
        Integer(64, 65_536, "kilobytes"),
        "What is kept of a session's messages and speech for a client that has not got them yet.",
    )
    store: str = setting(
        "sqlite",
        Text("sqlite, memory, or a store of another package"),
        "Where conversations are kept: in a file of server.data_dir, or nowhere.",
    )
    power_safe: bool = setting(
        False,
        Boolean(),
        "Wait for the disk itself at each message, so that not even a power cut loses one; wears"
        " memory cards.",
    )
    keep_days: int | str = setting(
        90,
        Integer(1, 36_500, "days", words=("forever",)),
        "Conversations in which nothing was said for so long are deleted.",
    )
