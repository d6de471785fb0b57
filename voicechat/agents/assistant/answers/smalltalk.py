"""Small talk, jokes, coins and dice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voicechat.agents.assistant.request import Request

JOKES: Final = (
    "Why did the computer go to the doctor? It had a virus.",
    "Why was the math book sad? It had too many problems.",
    "What do you call a bear with no teeth? A gummy bear.",
    "Why did the clock get sent out of class? It tocked too much.",
    "I would tell you a joke about time travel, but you didn't like it.",
    "What did the zero say to the eight? Nice belt.",
    "Why don't eggs tell jokes? They would crack each other up.",
    "How does the ocean say hello? It waves.",
)


def _choice(*texts: str) -> Callable[[Request], str]:
    """An answer that is one of `texts`."""

    def answer(request: Request) -> str:
        return request.environment.random.choice(texts)

    return answer


def _greet(request: Request) -> str:
    hour = request.environment.now().hour
    part = "morning" if 4 <= hour < 12 else "afternoon" if 12 <= hour < 18 else "evening"
    return f"Good {part}! What can I do for you?"


def _joke(request: Request) -> str:
    """One that was not yet told in this round: none comes twice until all were told."""
    told = [answer for answer in request.answers() if answer in JOKES]
    this_round = told[len(told) - len(told) % len(JOKES) :]
    return request.environment.random.choice([joke for joke in JOKES if joke not in this_round])


def _coin(request: Request) -> str:
    return f"It is {request.environment.random.choice(('heads', 'tails'))}."


def _die(request: Request) -> str:
    return f"You rolled a {request.environment.random.randint(1, 6)}."


def _random_number(request: Request) -> str:
    low, high = 1, 100
    if "low" in request.slots:
        bounds = sorted((request.number("low"), request.number("high")))
        low, high = math.ceil(bounds[0]), math.floor(bounds[1])
        if low > high:
            return "There is no whole number between those two."
    return f"I pick {request.environment.random.randint(low, high):,}."


ANSWERS: Mapping[str, Callable[[Request], str]] = {
    "Greet": _greet,
    "Goodbye": _choice("Goodbye!", "See you later!", "Take care!"),
    "Thanks": _choice("You are welcome.", "My pleasure.", "Any time."),
    "HowAreYou": _choice("I am fine, thank you.", "Very well, thanks for asking."),
    "WhoAreYou": _choice(
        "I am voicechat, an assistant that lives on this device. Nothing you say leaves it.",
    ),
    "WhoMadeYou": _choice("People who like software that runs on your own machine."),
    "Age": _choice("I was started when you opened this session, so I am still very young."),
    "CanYouHearMe": _choice("Yes, I am here.", "Loud and clear."),
    "Nice": _choice("Thank you, that is kind.", "That is nice of you to say."),
    "Joke": _joke,
    "Coin": _coin,
    "Die": _die,
    "RandomNumber": _random_number,
    "Meaning": _choice("Some say it is 42."),
}
