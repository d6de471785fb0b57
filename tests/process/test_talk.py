"""`voicechat talk`: a whole spoken conversation without a browser, as a program would drive it."""

from __future__ import annotations

import json
import wave

import numpy as np
import pytest
import trio

from tests.chaos.proxy import running_proxy

RATE = 16_000


def write(path, pcm: bytes, rate: int = RATE):
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(pcm)
    return path


@pytest.fixture
def question(tmp_path, flite):
    pcm = bytes(RATE) + flite("what time is it", "slt") + bytes(RATE // 2)
    return write(tmp_path / "question.wav", pcm)


def events_of(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.requirement("V-1")
async def test_a_person_reads_what_happens(run_command, question, tmp_path):
    done = await run_command("talk", str(question), "-o", "answer.wav")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "You: what time is it" in done.stdout
    assert "Assistant: It is" in done.stdout
    stages = "end of speech → endpoint", "→ STT final", "→ first token", "→ first audio byte"
    for stage in stages:
        assert stage in done.stdout
    with wave.open(str(tmp_path / "answer.wav")) as answer:
        pcm = np.frombuffer(answer.readframes(answer.getnframes()), "<i2") / 32768
        assert len(pcm) > answer.getframerate()
        assert np.sqrt(np.mean(pcm**2)) > 0.01


@pytest.mark.requirement("V-1")
@pytest.mark.requirement("V-5")
async def test_a_program_reads_every_message(run_command, start_server, question):
    async with start_server() as server:
        done = await run_command("talk", str(question), "--json", "--url", server.link)
    assert done.returncode == 0, done.stderr
    *events, summary = events_of(done)
    times = [event["t_ms"] for event in events if event["type"] != "welcome"]
    assert times == sorted(times)
    kinds = [event["type"] for event in events]
    order = ["welcome", "speech_started", "transcript_partial", "speech_ended", "transcript_final"]
    order += ["turn_started", "stream_delta", "audio", "response_complete"]
    assert [kinds.index(kind) for kind in order] == sorted(kinds.index(kind) for kind in order)
    (turn,) = summary["turns"]
    assert (turn["heard"], turn["accepted"], turn["outcome"]) == (
        "what time is it",
        True,
        "complete",
    )
    assert turn["answer"].startswith("It is")
    timings = turn["timings"]
    assert 150 < timings["endpoint_ms"] <= timings["stt_final_ms"] <= timings["first_audio_ms"]
    assert timings["first_token_ms"] <= timings["first_audio_ms"], "it may be prepared ahead"
    assert turn["samples"] == sum(event["samples"] for event in events if event["type"] == "audio")


@pytest.mark.requirement("V-2")
async def test_other_rates_are_understood_too(run_command, start_server, flite, tmp_path):
    import soxr

    speech = np.frombuffer(flite("set a timer for five minutes", "rms"), "<i2")
    async with start_server() as server:
        for rate in (8_000, 48_000):
            pcm = soxr.resample(speech, RATE, rate).astype("<i2").tobytes()
            path = write(tmp_path / f"{rate}.wav", bytes(rate) + pcm, rate)
            done = await run_command("talk", str(path), "--json", "--url", server.link)
            turn = events_of(done)[-1]["turns"][0]
            if rate == 48_000:  # at telephone quality the words may differ, but it must work
                assert turn["heard"] == "set a timer for five minutes"
            assert turn["outcome"] == "complete"


async def test_two_questions_in_one_recording(run_command, flite, tmp_path):
    pcm = bytes(RATE) + flite("what time is it", "slt") + bytes(2 * RATE * 5)
    pcm += flite("what is two plus two", "slt") + bytes(RATE)
    done = await run_command("talk", str(write(tmp_path / "two.wav", pcm)), "--json")
    turns = events_of(done)[-1]["turns"]
    assert [turn["heard"] for turn in turns] == ["what time is it", "what is two plus two"]
    assert "4" in turns[1]["answer"]


async def test_silence_ends_without_an_answer(run_command, tmp_path):
    done = await run_command("talk", str(write(tmp_path / "silence.wav", bytes(RATE))), "--json")
    assert done.returncode == 0
    assert events_of(done)[-1] == {"type": "summary", "turns": []}


@pytest.mark.requirement("A-2")
async def test_human_speech_about_something_else_is_refused_politely(run_command, clips):
    done = await run_command("talk", str(clips / "goforward.wav"), "--json")
    turns = events_of(done)[-1]["turns"]
    assert turns
    assert not turns[0]["accepted"]
    assert "understand" in turns[0]["answer"]


async def test_it_ends_quietly_when_nobody_reads_on(open_command, question):
    """As in `voicechat talk --json | head -1`."""
    async with open_command("talk", str(question), "--json") as process:
        line = b""
        while b"\n" not in line:
            line += await process.stdout.receive_some()
        await process.stdout.aclose()
        told = b"".join([data async for data in process.stderr])
        assert await process.wait() == 1
    assert json.loads(line.splitlines()[0])["type"] == "welcome"
    assert told == b""


async def test_answers_that_cannot_be_kept_do_not_hide_what_was_said(run_command, question):
    done = await run_command("talk", str(question), "--json", "-o", "/dev/full")
    assert done.returncode == 2
    assert len(events_of(done)[-1]["turns"]) == 1
    assert done.stderr.startswith("error: The audio file full cannot be written.\n")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.requirement("S-2")
@pytest.mark.requirement("S-3")
async def test_a_lost_network_is_told_and_nothing_is_lost(
    open_command, start_server, question, tmp_path
):
    """The network goes in mid-word and in mid-answer, and is away for a moment each time."""
    events, rest = [], b""
    async with start_server() as server:
        port = int(server.link.rsplit(":", 1)[1])
        async with running_proxy("127.0.0.1", port) as proxy:
            link = f"http://127.0.0.1:{proxy.port}"
            arguments = ("talk", str(question), "--json", "--url", link, "-o", "answer.wav")
            async with open_command(*arguments) as process:
                cuts = ["transcript_partial", "audio"]
                async for data in process.stdout:
                    *lines, rest = (rest + data).split(b"\n")
                    events += [json.loads(line) for line in lines]
                    if cuts and any(event["type"] == cuts[0] for event in events):
                        cuts.pop(0)
                        proxy.close_door()
                        proxy.cut()
                        await trio.sleep(0.3)
                        await proxy.open_door()
                told = b"".join([data async for data in process.stderr])
                assert await process.wait() == 0, told
            assert proxy.connections == 3
    (turn,) = events[-1]["turns"]
    assert (turn["heard"], turn["outcome"]) == ("what time is it", "complete")
    kinds = [event["type"] for event in events]
    assert kinds.count("transcript_final") == kinds.count("response_complete") == 1
    assert [event["fresh"] for event in events if event["type"] == "restored"] == [False, False]
    phases = [event["phase"] for event in events if event["type"] == "connection"]
    assert phases.count("connected") == 3
    assert "reconnecting" in phases
    audio = [event for event in events if event["type"] == "audio"]
    ends = [event["offset"] + event["samples"] for event in audio]
    assert [event["offset"] for event in audio] == [0, *ends[:-1]], "no gap, and nothing twice"
    with wave.open(str(tmp_path / "answer.wav")) as answer:
        assert answer.getnframes() == ends[-1] == turn["samples"]


async def test_what_resumes_a_session_is_not_printed(run_command, tmp_path):
    done = await run_command("talk", str(write(tmp_path / "silence.wav", bytes(RATE))), "--json")
    events = events_of(done)
    assert {"welcome", "session_ready"} <= {event["type"] for event in events}
    assert not any({"secret", "user_key"} & event.keys() for event in events)
