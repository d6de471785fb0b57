"""What may happen in a conversation, for Hypothesis: who says, types, or does what, and when."""

from __future__ import annotations

from hypothesis import strategies as st

SAYINGS = [
    "what time is it now",
    "tell me something",
    "set ten minutes maybe",
    "set it for ten and",
    "be mute now",
    "this is broken now",
    "make a bang now",
    "take it back now",
    "set it back now",
]
HEARD = st.one_of(
    st.tuples(st.sampled_from(SAYINGS), st.just(True)),
    st.sampled_from([("noise", False), ("", False), ("uh-huh", True), ("stop", True)]),
)
SAY = st.tuples(st.just("say"), st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.8, 1.5]))
SPEECH = st.tuples(st.just("say"), st.sampled_from([0.8, 1.5]))
PAUSE = st.tuples(st.just("pause"), st.sampled_from([0.1, 0.25, 0.5, 1.0, 3.0]))
BEAT = st.tuples(st.just("pause"), st.sampled_from([0.2, 0.3, 0.4, 0.6, 0.8]))
TYPE = st.tuples(st.just("type"), st.sampled_from(SAYINGS))
OTHER = st.one_of(
    st.tuples(st.just("interrupt"), st.sampled_from([None, 0, 1, -1])),
    st.tuples(st.just("speak"), st.booleans()),
    st.tuples(st.just("announce"), st.just("Your timer is done.")),
    st.tuples(st.just("stall"), st.sampled_from([0.5, 3.0, 12.0])),
    st.tuples(st.just("enough"), st.none()),
)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(SPEECH, BEAT, SAY, PAUSE),  # goes on, or talks into the answer
        st.tuples(TYPE, PAUSE, SAY, PAUSE),
        st.tuples(SPEECH, PAUSE),
        st.tuples(SPEECH, PAUSE, OTHER),
        st.tuples(SAY, OTHER),
        st.tuples(TYPE, BEAT, OTHER),
        st.tuples(st.one_of(SAY, PAUSE, TYPE, OTHER)),
    ),
    min_size=3,
    max_size=6,
).map(lambda parts: [action for part in parts for action in part])
