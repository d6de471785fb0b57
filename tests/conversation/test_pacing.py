import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.conversation.pacing import Pacer


@pytest.mark.requirement("V-6")
@given(
    frames=st.lists(st.tuples(st.integers(0, 4000), st.floats(0, 2)), max_size=50),
    ahead=st.floats(0.05, 2),
)
def test_audio_is_never_further_ahead_than_allowed(frames, ahead):
    pacer = Pacer(rate=1000, ahead_s=ahead)
    now = 100.0
    plays_until = now
    for samples, idle in frames:
        now += idle
        now += pacer.wait(samples, now)
        # At the moment of sending, what was sent before is at most `ahead` from being heard.
        assert plays_until - now <= ahead + 1e-6
        plays_until = max(plays_until, now) + samples / 1000
        assert pacer.left(now) == pytest.approx(plays_until - now, abs=1e-6)


def test_the_first_frames_leave_at_once():
    pacer = Pacer(rate=1000, ahead_s=0.5)
    assert [pacer.wait(100, 0.0) for _ in range(8)] == pytest.approx([0, 0, 0, 0, 0, 0, 0.1, 0.2])
