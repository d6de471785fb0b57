"""The words for the log cover everything that can be told."""

from __future__ import annotations

from voicechat.protocol.messages.thermal import ThrottleFlag
from voicechat.thermal.ladder import LIMITS
from voicechat.thermal.status import FIRMWARE, REDUCED


def test_every_limit_and_every_flag_has_words_of_its_own():
    assert REDUCED.keys() == LIMITS.keys()
    assert FIRMWARE.keys() == set(ThrottleFlag)
    words = [*REDUCED.values(), *FIRMWARE.values()]
    assert all(words)
    assert len(set(words)) == len(words)
