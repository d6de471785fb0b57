"""The instruments of the dialogue evaluation: a judge that is wrong makes every figure wrong."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from bench import dialogue_audio as audio
from bench.dialogue_client import OUTPUT_LATENCY, TICK, Heard, Loudspeaker, Played
from bench.dialogue_scenarios import LONG, Cue, Dialogue, Kind, Sound, everything, subset
from bench.dialogue_score import judge
from bench.dialogue_table import aims, table
from voicechat.agents.assistant.matcher import Matcher
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.conversation import (
    StopReason,
    StreamInterrupted,
    TranscriptFinal,
)

TIMER = "set a timer for ten minutes"
FRAME = 640


@pytest.fixture(scope="module")
def matcher():
    return Matcher()


def turn_dialogue(kind=Kind.TURN, cue=Cue.BEGIN, text=TIMER, **more):
    sound = Sound(partial(np.zeros, 16), kind, text, cue)
    return Dialogue("test", "slt", "one", (sound,), **more)


def final(turn, text=TIMER, replaces=None):
    return TranscriptFinal(text, accepted=True, turn=turn, replaces=replaces)


def played(first_ms, last_ms, **more):
    return Played(first=int(first_ms * 16), last=int(last_ms * 16), **more)


# --- sentences ---


def test_an_answer_after_the_end_is_timed_from_the_true_end(matcher):
    heard = Heard(
        ((400, 1400),), ((1600.0, final(1)), (1650.0, (1, FRAME))), {1: played(1700, 3000)}
    )
    [score] = judge(turn_dialogue(), heard, matcher, 250)
    assert not score.faults
    assert score.delay_ms == 250
    assert score.understood
    assert not score.cut_in


def test_an_answer_before_the_end_is_a_cut_in_and_no_delay(matcher):
    heard = Heard(
        ((400, 2400),), ((1600.0, final(1)), (1650.0, (1, FRAME))), {1: played(1700, 2000)}
    )
    [score] = judge(turn_dialogue(), heard, matcher, 250)
    assert score.cut_in
    assert score.delay_ms is None
    assert not score.missed_end


def test_an_answer_taken_back_before_it_was_heard_is_no_cut_in(matcher):
    events = (
        (1600.0, final(1, "set a timer for")),
        (1620.0, (1, FRAME)),
        (1640.0, StreamInterrupted(1, StopReason.REOPENED)),
        (2600.0, final(2, replaces=1)),
        (2700.0, (2, FRAME)),
    )
    heard = Heard(((400, 2400),), events, {1: Played(), 2: played(2740, 4000)})
    [score] = judge(turn_dialogue(), heard, matcher, 250)
    assert (score.cut_in, score.reopened, score.understood) == (False, True, True)
    assert score.delay_ms == 300
    heard.played[1] = played(1660, 1700)  # the same, but something of it was heard
    [score] = judge(turn_dialogue(), heard, matcher, 250)
    assert (score.cut_in, score.reopened) == (True, False)


def test_no_answer_is_a_missed_end(matcher):
    [score] = judge(turn_dialogue(), Heard(((400, 2400),), (), {}), matcher, 250)
    assert score.missed_end
    late = Heard(((400, 2400),), ((6900.0, final(1)), (7000.0, (1, FRAME))), {})
    [score] = judge(turn_dialogue(), late, matcher, 250)
    assert score.missed_end


@pytest.mark.parametrize("text", ["set a timer for five minutes", "", "what time is it"])
def test_other_words_are_another_meaning(matcher, text):
    heard = Heard(((400, 1400),), ((1600.0, final(1, text)), (1650.0, (1, FRAME))), {})
    [score] = judge(turn_dialogue(), heard, matcher, 250)
    assert score.understood is False


def test_an_answer_that_stops_although_the_user_is_silent_is_a_false_interruption(matcher):
    dialogue = turn_dialogue(echo=(-10.0, 100))
    events = (
        (1600.0, final(1)),
        (1650.0, (1, FRAME)),
        (1800.0, StreamInterrupted(1, StopReason.REOPENED)),
        (2600.0, final(2, replaces=1)),
        (2700.0, (2, FRAME)),
    )
    [score] = judge(dialogue, Heard(((400, 1400),), events, {}), matcher, 250)
    assert (score.false_interruption, score.cut_in) == (True, False)
    [score] = judge(dialogue, Heard(((400, 1400),), events[:2], {}), matcher, 250)
    assert not score.false_interruption
    assert "peace" in score.expects


# --- interruptions ---

STREAM = tuple((float(at), (1, FRAME)) for at in range(0, 2000, 40))


def test_silence_counts_from_where_the_user_had_spoken_long_enough(matcher):
    dialogue = turn_dialogue(Kind.STOP, Cue.AUDIBLE, "stop", typed=LONG)
    stop = (1400.0, StreamInterrupted(1, StopReason.BARGE_IN))
    events = (*[e for e in STREAM if e[0] < 1400], stop)
    heard = Heard(((1000, 1500),), events, {1: played(50, 1420, stopped=True)})
    [score] = judge(dialogue, heard, matcher, 250)
    assert not score.missed_interruption
    assert (score.silence_ms, score.silence_onset_ms) == (150, 400)
    late = Heard(((1000, 1500),), (*events, (1450.0, (1, FRAME))), heard.played)
    [score] = judge(dialogue, late, matcher, 250)
    assert score.silence_onset_ms == 450  # a frame after the interruption counts


def test_an_answer_that_goes_on_is_a_missed_interruption(matcher):
    dialogue = turn_dialogue(Kind.STOP, Cue.AUDIBLE, "stop", typed=LONG)
    # The client's own stop at the end of the dialogue is not the user's voice.
    stop = (4000.0, StreamInterrupted(1, StopReason.INTERRUPTED))
    heard = Heard(((1000, 1500),), (*STREAM, stop), {1: played(50, 4000)})
    [score] = judge(dialogue, heard, matcher, 250)
    assert score.missed_interruption


@pytest.mark.parametrize(
    ("events", "more"),
    [
        ([StreamInterrupted(1, StopReason.BARGE_IN)], {}),
        ([final(2, "what time is it"), (2, FRAME)], {}),
        ([], {"ducked": 1100 * 16}),
    ],
)
def test_a_sound_that_wants_nothing_may_change_nothing(matcher, events, more):
    dialogue = turn_dialogue(Kind.NOTHING, Cue.AUDIBLE, "okay", typed=LONG)
    silent = (1500.0, final(2, "okay"))  # answered by silence
    calm = Heard(((1000, 1300),), (*STREAM, silent), {1: played(50, 4000, ducked=400 * 16)})
    [score] = judge(dialogue, calm, matcher, 250)
    assert not score.false_interruption
    assert "peace" in score.expects
    events = (*STREAM, *((1500.0, event) for event in events))
    heard = Heard(calm.sounds, events, {1: played(50, 4000, **more)})
    [score] = judge(dialogue, heard, matcher, 250)
    assert score.false_interruption
    alone = Dialogue("test", "", "alone", (), typed=LONG, echo=(-10.0, 100))
    [score] = judge(alone, Heard((), events, {1: played(50, 4000, **more)}), matcher, 250)
    assert score.false_interruption


def test_an_answer_that_its_own_echo_stops_is_not_the_users_doing(matcher):
    dialogue = turn_dialogue(cue=Cue.AUDIBLE, typed=LONG, echo=(-10.0, 100))
    stop = (700.0, StreamInterrupted(1, StopReason.BARGE_IN))
    heard = Heard(((1000, 2000),), (stop,), {1: played(50, 720, stopped=True)})
    [score] = judge(dialogue, heard, matcher, 250)
    assert score.false_interruption
    assert "stop" not in score.expects


# --- the loudspeaker ---


def speech(turn, seq, samples, *, last=False):
    pcm = np.full(samples, 1000, "<i2").tobytes()
    return AudioFrame(FrameKind.SPEECH, turn, seq, seq * samples, pcm, last=last)


def test_the_loudspeaker_plays_without_a_gap_and_reports():
    speaker = Loudspeaker()
    for seq in range(10):
        speaker.put(speech(1, seq, FRAME, last=seq == 9), now=100)
    reports = []
    for at in range(0, 30 * TICK, TICK):
        speaker.render(at)
        reports += speaker.reports(at + TICK)
    turn = speaker.turns[1]
    assert turn.first == 100 + OUTPUT_LATENCY
    assert turn.last == turn.first + 10 * FRAME
    assert turn.played == 10 * FRAME
    assert np.all(speaker.sounded[turn.first : turn.last] == 1000)
    assert not speaker.sounded[: turn.first].any()
    assert [report.done for report in reports] == [False, False, True]
    assert [report.played for report in reports] == sorted(report.played for report in reports)
    assert reports[-1].played == 10 * FRAME


def test_the_loudspeaker_stops_ducks_and_runs_dry():
    speaker = Loudspeaker()
    speaker.put(speech(1, 0, 10 * FRAME), now=0)
    speaker.of(1).gain = 0.5
    for at in range(0, 4 * TICK, TICK):
        speaker.render(at)
    speaker.stop(1)
    [report] = speaker.reports(4 * TICK)
    assert (report.played, report.done) == (2 * TICK, True)
    assert speaker.of(1).ducked == 2 * TICK
    assert speaker.sounded.max() == 500
    speaker.put(speech(1, 1, FRAME), now=4 * TICK)  # late audio of what was stopped
    speaker.render(8 * TICK)
    assert speaker.of(1).played == 2 * TICK
    assert not speaker.reports(30 * TICK)


# --- sounds and scripts ---


def test_a_pause_is_put_between_the_words(flite):
    whole = audio.say("set a timer for ten minutes", "slt")
    paused = audio.hesitating("set a timer for", 600, "ten minutes", "slt")
    assert len(paused) == len(whole) + 600 * audio.MS
    silence = np.nonzero(np.abs(paused).reshape(-1, 160).max(axis=1) == 0)[0]
    assert 600 <= 10 * (silence[-1] - silence[0] + 1) <= 640
    assert len(whole) * 0.45 < 160 * silence[0] < len(whole) * 0.7  # "set a timer for" | …


def test_sounds_are_the_same_each_time_and_as_loud_as_speech(flite):
    for make in (
        partial(audio.cough, 250, 0.0, 7),
        partial(audio.noise, 2.0, 10.0, 7),
        partial(audio.phones, "m ax hh m", "slt"),
    ):
        assert np.array_equal(make(), make())
    # Over all of its length: a cough fades, so that is less than its loud part.
    assert 0.3 < np.sqrt(np.mean(audio.cough(250, 0.0, 7) ** 2)) / audio.SPEECH_RMS <= 1.1
    level = np.sqrt(np.mean(audio.noise(2.0, 10.0, 7) ** 2))
    assert 20 * np.log10(audio.SPEECH_RMS / level) == pytest.approx(10, abs=0.1)


def test_echo_comes_late_and_soft():
    played = np.zeros(32_000)
    played[8000:24_000] = np.random.default_rng(1).standard_normal(16_000) * 1000
    path = audio.EchoPath(-20.0, 200, seed=3)
    heard = np.concatenate([path.heard(played, at, TICK) for at in range(0, 32_000, TICK)])
    assert not heard[: 8000 + 200 * audio.MS].any()
    level = np.sqrt(np.mean(heard[12_000:24_000] ** 2)) / 1000
    assert 20 * np.log10(level) == pytest.approx(-20, abs=1)


def test_every_dialogue_has_its_own_name_and_every_condition_a_quick_one():
    dialogues = everything()
    conditions = {dialogue.condition for dialogue in dialogues}
    assert len(dialogues) > 300
    assert {d.condition for d in subset(dialogues, 8)} == conditions


def test_what_was_not_measured_is_not_an_aim_that_is_met(matcher):
    heard = Heard(((400, 1400),), ((1600.0, final(1)), (1650.0, (1, FRAME))), {})
    scores = judge(turn_dialogue(), heard, matcher, 250)
    met = {aim.name: aim.met for aim in aims(scores)}
    assert met["cut-ins, quiet room"]
    assert not met["missed interruptions"]
    assert "| test | all | 1 | 0% | 0% | 250 / 250 | 0% |" in table(scores)
