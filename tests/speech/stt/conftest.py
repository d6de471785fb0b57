"""A small command grammar, and recognisers that run for one test."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from voicechat.speech.stt.grammar import Grammar
from voicechat.speech.stt.pocketsphinx import PocketSphinxRecognizer

if TYPE_CHECKING:
    from voicechat.speech.ports import SpeechToText, Transcript

JSGF = """#JSGF V1.0 UTF-8 en;
grammar house; // a comment that names no words
<one> = one | two | three | four | five | six | seven | eight | nine;
<ten> = twenty | thirty | forty | fifty | sixty;
<number> = <one> | /5/ ten | eleven | twelve | <ten> [<one>];
<unit> = second | seconds | minute | minutes | hour | hours;
<time> = what time is it [now] {time} | what's the time | tell me the time;
<date> = what day is it [today] | what is the date [today];
<timer> = (set | start) a timer for <number> <unit> | cancel the timer
        | how much time is left [on the timer];
<sum> = what is <number> (plus | minus | times) <number>;
<talk> = hello | good morning | thank you | stop | help | what can you do | tell me a joke
       | turn the volume (up | down) | unmute the voicechat;
public <command> = [please] (<time> | <date> | <timer> | <sum> | <talk>) [please];
"""

COMMANDS = (
    "what time is it",
    "what day is it today",
    "set a timer for twenty five minutes",
    "start a timer for ten seconds please",
    "cancel the timer",
    "how much time is left on the timer",
    "what is seven times eight",
    "what is forty two plus eleven",
    "turn the volume down",
    "tell me a joke",
    "good morning",
    "what can you do",
)

FOREIGN = (
    "the quick brown fox jumps over the lazy dog",
    "i went to the store yesterday to buy some milk",
    "who won the football match last night",
    "my sister works as a doctor in a large hospital",
    "translate good luck into spanish",
    "the children were playing in the garden",
    "is there any cake left in the fridge",
    "she is learning to play the violin",
    "our flight has been delayed again",
    "add eggs to my shopping list",
    "could somebody open the window",
    "he runs every day before breakfast",
)

PAUSE = bytes(2 * 16 * 250)  # 250 ms


@pytest.fixture(scope="session")
def commands() -> tuple[str, ...]:
    return COMMANDS


@pytest.fixture(scope="session")
def foreign() -> tuple[str, ...]:
    return FOREIGN


@pytest.fixture
def grammar() -> Grammar:
    return Grammar(JSGF, {"unmute": "AH N M Y UW T"}, COMMANDS, lambda text: "timer" in text)


@pytest.fixture
def say(flite):
    """Function (text, voice) to PCM with a pause before and after."""
    return lambda text, voice="slt": PAUSE + flite(text, voice) + PAUSE


@asynccontextmanager
async def running(grammar, **options):
    recognizer = PocketSphinxRecognizer(grammar, **options)
    async with trio.open_nursery() as nursery:
        await nursery.start(recognizer.run)
        yield recognizer
        nursery.cancel_scope.cancel()


@pytest.fixture
def run_recognizer(grammar):
    """Function (**options) to a context manager that runs a recogniser."""
    return lambda grammar=grammar, **options: running(grammar, **options)


@pytest.fixture
def hear():
    """Function (recogniser, PCM, on_partial) to its transcript, fed in frames of 20 ms."""

    async def heard(
        recognizer: SpeechToText, pcm: bytes, on_partial=lambda _text: None
    ) -> Transcript:
        async with recognizer.open(on_partial) as utterance:
            for at in range(0, len(pcm), 640):
                await utterance.feed(pcm[at : at + 640])
            return await utterance.finish()

    return heard
