"""Pipecat's voice server as its documentation builds it, with engines that take no time.

FastAPI WebSocket, protobuf frames, Silero voice activity with its own stop of 0.2 s, which also
ends the user's turn (`user_speech_timeout` 0). `bench/turns.py` runs it in its own environment.
"""

# ruff: noqa: D102  (the methods are those of the framework)
from __future__ import annotations

import math
import struct
import sys
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipecat.frames.frames import Frame
    from pipecat.processors.frame_processor import FrameDirection

RATE = 16_000
QUESTION = "what time is it"
ANSWER = "It is now about ten past four in the afternoon here where I happen to be right now."
CHUNK = RATE // 50
TONE = b"".join(
    struct.pack("<h", round(8000 * math.sin(2 * math.pi * 440 * i / RATE))) for i in range(2 * RATE)
)
UNUSED_LLM_SETTINGS = (
    *("system_instruction", "temperature", "max_tokens", "top_p", "top_k", "frequency_penalty"),
    *("presence_penalty", "seed", "filter_incomplete_user_turns", "user_turn_completion_config"),
)


class InstantRecognizer(SegmentedSTTService):
    """Hears the same question in everything."""

    def __init__(self) -> None:
        settings = STTSettings(model="instant", language=None)
        super().__init__(sample_rate=RATE, ttfs_p99_latency=1.0, settings=settings)

    async def run_stt(self, audio: bytes) -> AsyncIterator[Frame]:  # noqa: ARG002
        yield TranscriptionFrame(QUESTION, "", time_now_iso8601())


class InstantModel(LLMService):
    """Says the same sentence, word by word."""

    def __init__(self) -> None:
        settings = dict.fromkeys(UNUSED_LLM_SETTINGS)
        super().__init__(settings=LLMSettings(model="instant", **settings))

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        for word in ANSWER.split():
            await self._push_llm_text(f"{word} ")
        await self.push_frame(LLMFullResponseEndFrame())


class InstantSynthesizer(TTSService):
    """Two seconds of tone for each sentence."""

    def __init__(self) -> None:
        settings = TTSSettings(model="instant", voice="tone", language=None)
        super().__init__(
            sample_rate=RATE, push_start_frame=True, push_stop_frames=True, settings=settings
        )

    async def run_tts(self, text: str, context_id: str) -> AsyncIterator[Frame]:  # noqa: ARG002
        for at in range(0, len(TONE), 2 * CHUNK):
            yield TTSAudioRawFrame(TONE[at : at + 2 * CHUNK], RATE, 1, context_id=context_id)


def pipeline(transport: FastAPIWebsocketTransport) -> PipelineWorker:
    stop = SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.0)
    pair = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(
            vad_analyzer=SileroVADAnalyzer(params=VADParams(stop_secs=0.2)),
            user_turn_strategies=UserTurnStrategies(stop=[stop]),
        ),
    )
    stages = [transport.input(), InstantRecognizer(), pair.user(), InstantModel()]
    stages += [InstantSynthesizer(), transport.output(), pair.assistant()]
    return PipelineWorker(
        pipeline=Pipeline(stages),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
    )


app = FastAPI()


@app.websocket("/ws")
async def serve(websocket: WebSocket) -> None:
    await websocket.accept()
    transport = FastAPIWebsocketTransport(
        websocket,
        FastAPIWebsocketParams(
            audio_in_enabled=True, audio_out_enabled=True, serializer=ProtobufFrameSerializer()
        ),
    )
    runner = WorkerRunner(handle_sigint=False)

    @transport.event_handler("on_client_disconnected")
    async def _(_transport: object, _client: object) -> None:
        await runner.cancel()

    await runner.add_workers(pipeline(transport))
    await runner.run()


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    uvicorn.run(app, host="127.0.0.1", port=0)  # its log names the port
