"""The ring against a plain list of all samples: bounded, and never a gap in what is to be sent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicechat.client.ring import Chunk, Microphone, Ring
from voicechat.protocol.messages.audio import ListenMode

LIMIT_S = 0.5
RATE = 8_000

steps = st.one_of(
    st.tuples(st.just("put"), st.integers(1, 800)),
    st.tuples(st.just("take"), st.integers(1, 5)),
    st.tuples(st.just("settle"), st.floats(0, 1)),
    st.tuples(st.just("rewind"), st.floats(0, 1)),
)


def pcm(begin: int, samples: int) -> bytes:
    return b"".join(value.to_bytes(2, "little") for value in range(begin, begin + samples))


@given(st.lists(steps, max_size=60))
def test_bounded_and_contiguous(script) -> None:
    ring, microphone = Ring(LIMIT_S), Microphone(1, RATE, ListenMode.HANDS_FREE)
    order = sent = settled = lost = 0
    for what, how in script:
        if what == "put":
            order += 1
            chunk = Chunk(order, microphone.frame(pcm(microphone.samples, how)), microphone)
            ring.put(chunk)
            assert ring.held_s <= LIMIT_S
            dropped = round(ring.take_lost_s() * RATE)
            lost += dropped
            sent += dropped
        elif what == "take":
            for _ in range(how):
                waiting = ring.waiting()
                if waiting is None:
                    assert sent == microphone.samples, "all of it was sent, or forgotten"
                    break
                taken = ring.take()
                assert taken is waiting
                assert taken.frame.offset == sent
                assert taken.frame.pcm == pcm(sent, taken.frame.samples)
                sent = taken.end
        elif what == "settle":
            settled = max(settled, int(sent * how))
            ring.settle(1, settled)
        else:
            has = max(settled, int(sent * how))
            ring.rewind(1, has)
            waiting = ring.waiting()
            sent = microphone.samples if waiting is None else waiting.frame.offset
            assert sent >= has, "nothing that the server has is sent again"
    rest = ring.take_all(1, settled)
    assert ring.held_s == 0
    if rest:
        assert rest[0].frame.offset >= settled
        assert b"".join(chunk.frame.pcm for chunk in rest) == pcm(
            rest[0].frame.offset, microphone.samples - rest[0].frame.offset
        )
