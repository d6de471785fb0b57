"""How a client goes on with what it had before: an earlier program's session, its loudspeaker."""

from __future__ import annotations

from tests.client.link_tools import HANDS_FREE, connected, drain, hear, reconnect, speech
from tests.client.model_server import AT, WELCOME, restored
from voicechat.client.link import Link
from voicechat.protocol.messages.audio import AudioOpen, Playback
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import (
    StreamDelta,
    UserMessage,
)
from voicechat.protocol.messages.session import HistoryEntry, Resume


def test_an_earlier_program_s_session_is_resumed_with_its_history() -> None:
    begin = Resume(session_id="session1", secret="secret1", reopen=True)
    link = Link(Hello(1), begin)
    link.send(UserMessage("early"))
    link.opened(0.0)
    assert drain(link)[1] == (None, begin)
    hear(link, WELCOME)
    entry = HistoryEntry(1, "user", "hello", "text", "complete", AT, 17)
    hear(link, restored(seq=40, client_seq=17, stream=3, samples=9, history=(entry,)))
    assert drain(link) == [(18, UserMessage("early"))]
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    assert drain(link) == [(19, AudioOpen(4, 16_000))]
    assert hear(link, StreamDelta(1, "old"), 40) == []
    assert link.heard(speech(39), 0.0) != [], "speech that was not played comes again"
    assert link.heard(speech(39), 0.0) == []
    assert reconnect(link).buffered is False, "not all of it has come"
    hear(link, restored(seq=40, client_seq=19, stream=4))
    assert link.heard(speech(39), 0.0) == []
    assert link.heard(speech(40), 0.0) != []
    assert hear(link, StreamDelta(1, "new"), 41) != []
    assert link.heard(speech(40), 0.0) == []
    assert reconnect(link).buffered is True


def test_where_the_loudspeaker_is_is_told_again() -> None:
    link = connected()
    link.send(Playback(1, 100))
    link.send(Playback(1, 200))
    assert drain(link) == [(None, Playback(1, 200))]
    assert drain(link) == []
    link.send(UserMessage("next"))
    reconnect(link)
    hear(link, restored())
    assert drain(link) == [(None, Playback(1, 200)), (1, UserMessage("next"))]
    reconnect(link)
    hear(link, restored(epoch="e2", history=()))
    assert drain(link) == [(1, UserMessage("next"))], "its turn is void"
