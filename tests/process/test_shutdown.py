"""Ends the real server in the middle of each kind of work; nothing may be left."""

from __future__ import annotations

import json
import signal
from functools import partial

import pytest
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


async def resampling(ws, _flite):
    await stream(ws, bytes(2 * 96_000), 96_000)


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


async def test_a_signal_while_starting_ends_it(tmp_path, start_server):
    async with start_server() as server:
        pass  # warm caches, so that the next one is interrupted in the middle
    async with trio.open_nursery() as nursery:
        run = partial(trio.run_process, server.process.args, check=False, capture_stdout=True)
        process = await nursery.start(run)
        await trio.sleep(1.0)
        process.send_signal(signal.SIGTERM)
        with trio.fail_after(15):
            code = await process.wait()
    # Before its handler is there the signal simply ends it; after that it ends cleanly.
    assert code in {0, -signal.SIGTERM}
