"""Framing between the main process and its engine processes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.speech.worker_child import HEADER, MAX_PAYLOAD, Frame, FrameParser, Kind, OutOfStep

frames = st.builds(Frame, st.sampled_from(Kind), st.integers(0, 2**32 - 1), st.binary(max_size=300))


@given(st.lists(frames, max_size=8), st.lists(st.integers(1, 40), min_size=1))
def test_frames_survive_any_cutting(sent, cuts):
    data = b"".join(frame.encode() for frame in sent)
    parser = FrameParser()
    received, at, turn = [], 0, 0
    while at < len(data):
        size = cuts[turn % len(cuts)]
        received += parser.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    assert received == sent


@given(st.binary(max_size=60))
def test_garbage_is_frames_or_out_of_step(data):
    try:
        parsed = FrameParser().feed(data)
    except OutOfStep:
        return
    assert data.startswith(b"".join(frame.encode() for frame in parsed))


@pytest.mark.parametrize("header", [(MAX_PAYLOAD + 1, 1, 0), (0, 0, 0), (0, max(Kind) + 1, 0)])
def test_impossible_header(header):
    with pytest.raises(OutOfStep):
        FrameParser().feed(HEADER.pack(*header))


def test_json_payload():
    assert Frame.of(Kind.EVENT, 7, {"text": "é"}).json() == {"text": "é"}
