"""Turn taking as users feel it: a part of the dialogue evaluation, with the real engines.

`nox -s dialogues` has hundreds of dialogues and prints what becomes of each; the bounds here are
loose where a part of them is too few to be exact.
"""

from __future__ import annotations

import pytest

from bench.dialogue_run import run
from bench.dialogue_table import aims, aims_table, quantile, share, table
from bench.dialogues import as_json, chosen, failures, settings_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(420),
    pytest.mark.xdist_group("heavy"),  # its fixture takes a minute: once is enough
]


@pytest.fixture(scope="module")
def outcomes(flite):
    # All barge-ins, as a part is too few for their median to mean anything.
    rest = [d for d in chosen(quick=True) if "barge-in" not in d.id or d.echo]
    barge_ins = [d for d in chosen(quick=False, only="barge-in") if not d.echo]
    return run(rest + barge_ins, settings_of([]))


@pytest.fixture(scope="module")
def scores(outcomes):
    found = [score for outcome in outcomes for score in outcome.scores]
    print(table(found, voices=False), aims_table(found), failures(outcomes), sep="\n\n")
    return found


def of(scores, *conditions):
    found = [s for s in scores if any(c in s.dialogue.condition for c in conditions)]
    assert found
    return found


@pytest.mark.requirement("V-4")
def test_finished_sentences_are_answered_soon(scores):
    found = of(scores, "complete sentence")
    assert quantile(found, "delay_ms", 50) <= 300
    assert share(found, "missed_end", "answer") == 0
    assert share(found, "cut_in", "answer") == 0


@pytest.mark.requirement("V-4")
def test_pauses_in_open_clauses_are_waited_for(scores):
    found = of(scores, "in an open clause")
    assert share(found, "cut_in", "answer") == 0
    # One may be misheard: "ten" and "two" are alike in one of the voices.
    assert sum(score.understood is True for score in found) >= len(found) - 1


@pytest.mark.requirement("V-7")
def test_the_users_voice_stops_the_answer(scores):
    assert share(scores, "missed_interruption", "stop") <= 5
    quiet = [s for s in of(scores, "barge-in") if not s.dialogue.echo]
    assert quantile(quiet, "silence_ms", 50) < 150


@pytest.mark.requirement("V-7")
def test_coughs_noise_and_echo_do_not(scores):
    found = of(scores, "cough", "answer in noise")
    found += [s for s in scores if s.dialogue.condition.startswith("echo")]
    assert share(found, "false_interruption", "peace") == 0


@pytest.mark.requirement("V-12")
def test_a_dialogue_is_the_same_each_time():
    todo = [d for d in chosen(quick=True) if d.interrupts][:3]
    settings = settings_of(["conversation.patience=0.4"])
    first, second = (
        [as_json(list(outcome.scores)) for outcome in run(todo, settings)] for _ in range(2)
    )
    assert first == second


def test_settings_are_those_that_are_named_and_the_defaults():
    assert settings_of(["conversation.patience=0.3"]).conversation.patience == 0.3
    assert settings_of([]).conversation.patience == 0.5


def test_figures_are_there_for_every_aim(scores):
    assert all(aim.value is not None for aim in aims(scores))
