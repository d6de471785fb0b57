"""Ends the real server in the middle of each kind of work; nothing may be left."""

from __future__ import annotations

import json
import signal

import numpy as np
import psutil
import pytest
import soxr
import trio

from voicechat.gateway.websocket import Closed, connect
from voicechat.protocol.codec import Codec
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioOpen
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import UserMessage

CODEC = Codec()
LONG = "help"  # the longest answer that needs no speech


async def until(ws, wanted):
    """Read until a message of type `wanted` ("audio" for a frame of speech); all that came."""
    seen = []
    while True:
        data = await ws.receive()
        kind = "audio" if isinstance(data, bytes) else json.loads(data)["type"]
        seen.append(kind)
        if kind == wanted:
            return seen


async def nothing(_ws, _flite):
    pass


async def speaking(ws, _flite):
    await ws.send(CODEC.encode(UserMessage(LONG)))
    await until(ws, "audio")


async def decoding(ws, flite):
    await stream(ws, flite("what time is it", "slt"), 16_000)
    await until(ws, "transcript_partial")


async def resampling(ws, flite):
    speech = np.frombuffer(flite("what time is it", "slt"), "<i2")
    await stream(ws, soxr.resample(speech, 16_000, 96_000).tobytes(), 96_000)
    await until(ws, "speech_started")


async def stream(ws, pcm, rate):
    await ws.send(CODEC.encode(AudioOpen(1, rate)))
    size = rate // 50 * 2
    for seq, at in enumerate(range(0, len(pcm), size)):
        part = pcm[at : at + size]
        await ws.send(AudioFrame(FrameKind.MICROPHONE, 1, seq, at // 2, part).pack())


@pytest.mark.requirement("L-2")
@pytest.mark.requirement("C-10")
@pytest.mark.parametrize("work", [nothing, speaking, decoding, resampling])
async def test_sigterm_ends_it_cleanly_whatever_it_does(start_server, flite, work):
    async with start_server("--set", "server.grace_s=1") as server:
        assert server.children(), "the engines have processes of their own"
        async with connect(server.websocket) as ws:
            await ws.send(CODEC.encode(Hello(1)))
            await until(ws, "welcome")
            await work(ws, flite)
            async with trio.open_nursery() as nursery:
                codes = []

                async def end():
                    codes.append(await server.end())

                nursery.start_soon(end)
                with pytest.raises(Closed) as closed, trio.fail_after(15):  # noqa: PT012  (whichever read meets the end)
                    await until(ws, "server_shutting_down")
                    await until(ws, "never")
            assert closed.value.code == 1001
        assert codes == [0]
        assert server.output.decode().splitlines() == [f"voicechat is ready: {server.link}"]
        events = server.log_lines()
        assert not [event for event in events if event["level"] in {"error", "critical"}], events


@pytest.mark.requirement("L-3")
async def test_a_turn_in_flight_may_end(start_server):
    async with start_server() as server, connect(server.websocket) as ws:
        await ws.send(CODEC.encode(Hello(1)))
        await ws.send(CODEC.encode(UserMessage("what time is it")))
        await until(ws, "audio")
        server.process.send_signal(signal.SIGTERM)
        seen = await until(ws, "response_complete")
        assert "server_shutting_down" in seen
        with trio.fail_after(10):
            assert await server.process.wait() == 0


@pytest.mark.requirement("L-3")
async def test_a_second_signal_ends_it_at_once(start_server):
    async with start_server() as server, connect(server.websocket) as ws:
        await ws.send(CODEC.encode(Hello(1)))
        await ws.send(CODEC.encode(UserMessage(LONG)))
        await until(ws, "audio")
        server.process.send_signal(signal.SIGINT)
        await until(ws, "server_shutting_down")
        start = trio.current_time()
        assert await server.end(signal.SIGINT) == 0
        assert trio.current_time() - start < 3


async def test_ctrl_c_ends_an_idle_server_at_once(start_server):
    async with start_server() as server:
        start = trio.current_time()
        assert await server.end(signal.SIGINT) == 0
        assert trio.current_time() - start < 3


@pytest.mark.requirement("L-2")
async def test_its_children_die_with_a_server_that_was_killed(start_server):
    async with start_server() as server:
        children = server.children()
        server.process.kill()
        await server.process.wait()
        with trio.fail_after(10):
            for child in children:
                await trio.to_thread.run_sync(child.wait, 10)


HOLD = """
import pathlib, signal, sys
if sys.orig_argv[-1].startswith("voicechat.speech.stt."):
    pathlib.Path(__file__).with_name("held").touch()
    signal.alarm(60)
    signal.pause()
"""
"""Python runs it at its start: the recogniser's process never becomes ready."""


@pytest.mark.requirement("L-2")
async def test_a_signal_while_starting_ends_it(open_command, tmp_path):
    folder = tmp_path / "hold"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HOLD)
    flags = ("--port", "0", "--log-level", "debug")
    async with open_command("serve", *flags, PYTHONPATH=str(folder)) as process:
        log = b""
        while b"\n" not in log:
            log += await process.stderr.receive_some()
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) > 1, "both engines have been started"
        process.send_signal(signal.SIGTERM)
        log += b"".join([data async for data in process.stderr])
        assert await process.wait() == 0
        assert await process.stdout.receive_some() == b"", "it never said that it was ready"
    assert (folder / "held").exists()
    assert not [child for child in children if child.is_running()], "a child was left"
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert events[0] == "worker ready"
    assert [event for event in events if event.startswith("stopping")]
    assert "ready" not in events
