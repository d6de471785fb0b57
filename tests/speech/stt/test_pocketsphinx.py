"""The embedded recogniser: what it hears, refuses, survives and costs."""

from __future__ import annotations

import itertools
import os
import signal

import attrs
import numpy as np
import psutil
import pytest
import structlog
import trio
import trio.testing

from voicechat.errors import EngineFailed
from voicechat.speech.stt.grammar import Grammar
from voicechat.speech.stt.pocketsphinx import CARE

VOICES = ("slt", "rms", "awb", "kal16")
HUMAN = (
    "goforward.wav",
    "something.wav",
    "numbers.wav",
    "cards_001.wav",
    "cards_002.wav",
    "cards_003.wav",
    "cards_004.wav",
    "cards_005.wav",
    "jfk.wav",
)


def same(a, b) -> bool:
    """Equal but for the tiny part of a score that a decoder's former utterances leave behind."""
    return (a.text, a.accepted) == (b.text, b.accepted) and abs(a.confidence - b.confidence) < 0.2


def ignore(_text: str) -> None:
    pass


def worker_pid() -> int:
    [child] = [p for p in psutil.Process().children() if "pocketsphinx" in " ".join(p.cmdline())]
    return child.pid


@pytest.mark.slow
async def test_round_trip_of_spoken_commands(run_recognizer, say, hear, commands):
    right = total = 0
    async with run_recognizer() as recognizer:
        for voice in VOICES:
            for text in commands:
                transcript = await hear(recognizer, say(text, voice))
                right += transcript.accepted and transcript.text == text
                total += 1
    assert right / total >= 0.9, f"{right} of {total}"


@pytest.mark.slow
async def test_other_speech_is_refused(run_recognizer, say, hear, foreign):
    refused = total = 0
    async with run_recognizer() as recognizer:
        for voice in VOICES:
            for text in foreign:
                refused += not (await hear(recognizer, say(text, voice))).accepted
                total += 1
    assert refused / total >= 0.9, f"{refused} of {total}"


async def test_human_speech_outside_of_the_grammar_is_refused(run_recognizer, hear, clip):
    async with run_recognizer() as recognizer:
        accepted = [n for n in HUMAN if (await hear(recognizer, clip(n))).accepted]
    assert accepted == []


async def test_what_changes_something_must_be_heard_more_surely(run_recognizer, grammar, say, hear):
    sentence = "set a timer for five minutes"
    async with run_recognizer(attrs.evolve(grammar, careful=lambda _: False)) as recognizer:
        sure = (await hear(recognizer, say(sentence, "slt"))).confidence
    for threshold, accepted in ((sure - CARE - 0.2, True), (sure - CARE + 0.2, False)):
        async with run_recognizer(threshold=threshold) as recognizer:
            assert (await hear(recognizer, say(sentence, "slt"))).accepted is accepted


async def test_threshold_is_a_choice(run_recognizer, say, hear):
    pcm = say("what time is it")
    async with run_recognizer(threshold=10.0) as strict:
        heard = await hear(strict, pcm)
        assert heard.text == "what time is it"
        assert not heard.accepted
    async with run_recognizer(threshold=heard.confidence) as exact:
        assert (await hear(exact, pcm)).accepted


@pytest.mark.requirement("V-5")
async def test_partials_grow_while_speaking(run_recognizer, say):
    partials = []
    pcm = say("set a timer for twenty five minutes")
    async with run_recognizer() as recognizer, recognizer.open(partials.append) as utterance:
        await utterance.feed(pcm[: len(pcm) * 2 // 3])
        with trio.fail_after(5):
            while not any(t.startswith("set a timer") for t in partials):  # noqa: ASYNC110
                await trio.sleep(0.01)  # decoding is in another process
        await utterance.feed(pcm[len(pcm) * 2 // 3 :])
        assert (await utterance.finish()).text == "set a timer for twenty five minutes"
    assert len(partials) == 1 + sum(a != b for a, b in itertools.pairwise(partials))


async def test_utterances_at_once_are_heard_as_alone(run_recognizer, say, hear, commands):
    texts = commands[:6]
    alone, together = {}, {}
    async with run_recognizer(max_streams=4) as recognizer:
        for text in texts:
            alone[text] = await hear(recognizer, say(text))

        async def one(text):
            together[text] = await hear(recognizer, say(text))

        async with trio.open_nursery() as nursery:
            for text in texts:  # two more than there are streams
                nursery.start_soon(one, text)
    assert not [(together[t], alone[t]) for t in texts if not same(together[t], alone[t])]


async def test_one_more_than_allowed_waits(run_recognizer, say, hear):
    async with run_recognizer(max_streams=1) as recognizer:
        async with recognizer.open(ignore):
            with trio.move_on_after(0.1) as scope:
                await hear(recognizer, b"")
            assert scope.cancelled_caught
        assert (await hear(recognizer, say("what time is it"))).text == "what time is it"


@pytest.mark.requirement("L-4")
@pytest.mark.parametrize("moment", ["before", "middle", "end"])
async def test_no_word_is_lost_when_the_worker_is_killed(run_recognizer, say, hear, moment):
    pcm = say("set a timer for twenty five minutes")
    async with run_recognizer() as recognizer:
        undisturbed, partials = [], []
        expected = await hear(recognizer, pcm, undisturbed.append)
        async with recognizer.open(partials.append) as utterance:
            if moment == "before":
                os.kill(worker_pid(), signal.SIGKILL)
            for at in range(0, len(pcm), 640):
                await utterance.feed(pcm[at : at + 640])
                if moment == "middle" and at == 640 * (len(pcm) // 1280):
                    os.kill(worker_pid(), signal.SIGKILL)
            if moment == "end":
                os.kill(worker_pid(), signal.SIGKILL)
            with trio.fail_after(20):
                assert same(await utterance.finish(), expected)
    assert set(partials) <= set(undisturbed)


@pytest.mark.requirement("L-4")
async def test_audio_that_kills_every_worker_fails(run_recognizer, say):
    async with run_recognizer() as recognizer, recognizer.open(ignore) as utterance:
        with structlog.testing.capture_logs():
            await utterance.feed(say("what time is it"))
            os.kill(worker_pid(), signal.SIGKILL)
            with trio.fail_after(20):
                await utterance.feed(bytes(640))
                while True:  # until the kernel and the supervisor have noticed
                    await utterance.feed(bytes(64))
                    if utterance._replayed:
                        break
                os.kill(worker_pid(), signal.SIGKILL)
                with pytest.raises(EngineFailed):
                    await utterance.finish()


@pytest.mark.requirement("L-4")
@pytest.mark.parametrize("moment", ["before", "asked"])
async def test_a_partial_survives_the_death_of_the_worker(run_recognizer, say, moment):
    pcm = say("what time is it")
    async with run_recognizer() as recognizer, recognizer.open(ignore) as utterance:
        await utterance.feed(pcm)
        with structlog.testing.capture_logs(), trio.fail_after(20):
            if moment == "before":
                os.kill(worker_pid(), signal.SIGKILL)
                partial = await utterance.partial()
            else:
                pid = worker_pid()
                os.kill(pid, signal.SIGSTOP)  # so that it dies while the question waits
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(utterance.partial)
                    await trio.testing.wait_all_tasks_blocked(0.05)
                    os.kill(pid, signal.SIGKILL)
                partial = await utterance.partial()
            assert utterance._replayed
            assert partial.text == "what time is it"
            assert same(await utterance.finish(), partial)


@pytest.mark.requirement("V-4")
async def test_a_partial_costs_little_more_than_decoding(run_recognizer, say):
    pcm = say("set a timer for twenty five minutes")
    took = []
    async with run_recognizer() as recognizer, recognizer.open(ignore) as utterance:
        for at in range(0, len(pcm), 1024):
            await utterance.feed(pcm[at : at + 1024])
            await utterance.partial()
            asked = trio.current_time()
            await utterance.partial()  # all is decoded: only the question's own round trip
            took.append(trio.current_time() - asked)
    assert np.median(took) < 0.003


@pytest.mark.requirement("V-4")
async def test_a_command_is_known_soon_after_its_end(run_recognizer, flite, commands):
    """32 ms frames of silence after the last sound until the partial is the final text."""
    late = []
    async with run_recognizer() as recognizer:
        for text in commands:
            speech = np.frombuffer(flite(text, "slt"), np.int16)
            end = 1 + np.flatnonzero(np.abs(speech) > 0.01 * np.abs(speech).max())[-1]
            pcm = bytes(8000) + speech[:end].tobytes()
            async with recognizer.open(ignore) as utterance:
                await utterance.feed(pcm)
                frames = 0
                while (await utterance.partial()).text != text and frames < 30:
                    await utterance.feed(bytes(1024))
                    frames += 1
            late.append(frames)
    assert np.median(late) <= 2, late
    assert np.quantile(late, 0.8) <= 4, late


async def test_nothing_can_be_asked_after_the_end(run_recognizer):
    async with run_recognizer() as recognizer, recognizer.open(ignore) as utterance:
        await utterance.finish()
        with pytest.raises(EngineFailed):
            await utterance.partial()


async def test_an_utterance_too_long_is_heard_up_to_the_bound(run_recognizer, say):
    pcm = say("what time is it")
    async with (
        run_recognizer(max_seconds=len(pcm) / 32_000) as recognizer,
        recognizer.open(ignore) as utterance,
    ):
        await utterance.feed(pcm + say("cancel the timer"))
        await utterance.feed(say("cancel the timer"))
        assert (await utterance.finish()).text == "what time is it"


@pytest.mark.xdist_group("heavy")
async def test_the_loop_stays_free_while_it_decodes(run_recognizer, say, hear):
    pcm = say("set a timer for twenty five minutes")
    lags = []

    async def tick():
        while True:
            await trio.sleep_until(due := trio.current_time() + 0.005)
            lags.append(trio.current_time() - due)

    async with run_recognizer() as recognizer:
        await hear(recognizer, pcm)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tick)
            async with trio.open_nursery() as utterances:
                for _ in range(4):
                    utterances.start_soon(hear, recognizer, pcm * 2)
            nursery.cancel_scope.cancel()
    assert len(lags) > 50
    assert np.percentile(lags, 99) < 0.020


async def test_what_was_heard_before_changes_nothing(run_recognizer, say, hear):
    pcm = say("what is seven times eight", "rms")
    async with run_recognizer(max_streams=1) as recognizer:
        first = await hear(recognizer, pcm)
        await hear(recognizer, (np.frombuffer(say("hello", "slt"), np.int16) // 20).tobytes())
        assert same(await hear(recognizer, pcm), first)


async def test_a_word_of_no_dictionary_is_guessed_and_logged(say, hear, run_recognizer):
    grammar = Grammar("#JSGF V1.0;\ngrammar g;\npublic <c> = start the zagfloom | stop it;\n")
    with structlog.testing.capture_logs() as entries:
        async with run_recognizer(grammar) as recognizer:
            heard = await hear(recognizer, say("start the zagfloom"))
    assert heard.text == "start the zagfloom"
    assert {"zagfloom"} in [set(e.get("words", ())) for e in entries]


async def test_a_grammar_with_a_fault_cannot_start(run_recognizer):
    with structlog.testing.capture_logs(), pytest.raises(ExceptionGroup) as caught:
        async with run_recognizer(Grammar("#JSGF V1.0;\ngrammar g;\npublic <c> = (oops;\n")):
            raise AssertionError
    assert caught.group_contains(EngineFailed, match="cannot start")


async def test_use_after_closing_fails(run_recognizer):
    async with run_recognizer() as recognizer:
        async with recognizer.open(ignore) as utterance:
            pass
        with pytest.raises(EngineFailed):
            await utterance.feed(bytes(640))
