"""Settings about heat: the ladder, the plain mode of two thresholds, and its short variables."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.cli.config import as_toml
from voicechat.errors import SettingError
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.settings import Band, Effective, Layer, Thermal, load
from voicechat.settings.kinds import Bands
from voicechat.settings.thermal import STEPS as STEP_KEYS
from voicechat.thermal.ladder import STEPS, Ladder

pytestmark = pytest.mark.requirement("T-9", "P-6")

HOME = {"HOME": "/home/somebody"}
TRIGGER, RESUME, INTERVAL = (
    "THERMAL_TRIGGER_THRESHOLD",
    "THERMAL_RESUME_THRESHOLD",
    "THERMAL_CHECK_INTERVAL",
)
BAD_PAIRS = ["", "85", "85/", "/80", "85/80/75", "85-80", "hot/cool", "none", "Off"]
BAD_PAIRS += ["80/85", "85/85", "85/nan", "inf/80", "151/80", "85/-41"]


def loaded(environ: dict[str, str] | None = None, **how: Any) -> Effective:
    layers: dict[str, Any] = {"config": None, "overrides": {}} | how
    return load(environ=HOME | (environ or {}), **layers)


def refused(environ: dict[str, str] | None = None, **how: Any) -> SettingError:
    with pytest.raises(SettingError) as raised:
        loaded(environ, **how)
    return raised.value


@pytest.mark.requirement("T-8")
def test_the_usual_ladder():
    assert Thermal().bands == {
        "no_speculation": Band(75, 70),
        "single": Band(80, 76),
        "phrases": Band(83, 79),
        "paused": Band(85, 80),
    }
    assert Thermal().check_interval_s == 1.0
    assert Thermal().slots == "auto"
    assert Thermal().sensor == "auto"


@pytest.mark.requirement("T-8")
def test_the_steps_are_states_in_the_order_of_the_ladder():
    assert tuple(ThermalState(step) for step in STEP_KEYS) == STEPS
    assert tuple(ThermalState(step) for step in Thermal().bands) == STEPS


@pytest.mark.requirement("T-8")
def test_a_ladder_of_ones_own(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        '[thermal]\nno_speculation = "off"\nsingle = " 60.5 / 55 "\npaused = "85/-5e0"\n'
        'phrases = "off"\nslots = 3\nsensor = "zone:cpu-thermal"\n',
        encoding="utf-8",
    )
    with pytest.raises(SettingError, match="not in order"):
        load(config=path, environ=HOME, overrides={})
    thermal = load(
        config=path, environ=HOME, overrides={"thermal.paused": "85/80"}
    ).settings.thermal
    assert thermal.bands == {"single": Band(60.5, 55), "paused": Band(85, 80)}
    assert (thermal.slots, thermal.sensor) == (3, "zone:cpu-thermal")


def test_every_step_may_be_off():
    off = {f"thermal.{step}": "off" for step in STEP_KEYS}
    assert loaded(overrides=off).settings.thermal.bands == {}


@pytest.mark.parametrize("text", BAD_PAIRS)
def test_bad_pairs_are_told_what_is_allowed(text, tmp_path):
    for error in (
        refused({"VOICECHAT_THERMAL_PAUSED": text}),
        refused(overrides={"thermal.paused": text}),
    ):
        assert f"thermal.paused is {text!r} (" in error.message
        assert 'allowed: "trigger/resume" in °C such as "85/80"' in error.message
    path = tmp_path / "bad.toml"
    path.write_text(f'[thermal]\npaused = "{text}"\n', encoding="utf-8")
    assert f"({path}:thermal.paused)" in refused(config=path).message


@pytest.mark.parametrize("value", ["85", "[85, 80]", "true", "{ trigger = 85 }"])
def test_a_pair_is_text_in_toml(value, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(f"[thermal]\npaused = {value}\n", encoding="utf-8")
    assert "thermal.paused is" in refused(config=path).message


@given(text=st.text(max_size=12) | st.from_regex(r"-?\d{1,3}(\.\d+)?/-?\d{1,3}(\.\d+)?"))
def test_any_text_is_a_pair_or_refused(text):
    kind = Bands()
    try:
        kept = kind.from_text(text)
    except ValueError:
        return
    band = kind.parse(text)
    assert kind.check(kept) == kept
    assert kind.parse(kept) == band
    assert band is None or band.resume < band.trigger


@pytest.mark.parametrize(
    ("own", "key", "other"),
    [
        ({"thermal.single": "86/76"}, "thermal.single", "thermal.phrases at 83/79"),
        ({"thermal.single": "83/76"}, "thermal.single", "thermal.phrases at 83/79"),
        ({"thermal.single": "80/79.5"}, "thermal.single", "thermal.phrases at 83/79"),
        ({"thermal.single": "75/71"}, "thermal.single", "thermal.no_speculation at 75/70"),
        ({"thermal.paused": "82/80"}, "thermal.paused", "thermal.phrases at 83/79"),
        (
            {"thermal.phrases": "off", "thermal.paused": "80/76"},
            "thermal.paused",
            "thermal.single at 80/76",
        ),
    ],
)
@pytest.mark.requirement("T-8")
def test_steps_out_of_order_are_refused_at_the_one_that_was_set(own, key, other):
    error = refused(overrides=own)
    assert error.message.startswith(f"{key} is {own[key]!r} (flag); with {other} the steps are")
    assert key in error.suggested_action


@pytest.mark.requirement("T-8")
def test_what_is_refused_is_what_the_ladder_refuses(tmp_path):
    for text in ("86/76", "83/76", "80/79.5", "75/71"):
        bands = {ThermalState(s): b for s, b in Thermal(single=text).bands.items()}
        with pytest.raises(ValueError, match="must be above"):
            Ladder.of(bands)


@given(
    texts=st.fixed_dictionaries(
        {
            step: st.just("off")
            | st.tuples(st.integers(60, 90), st.integers(60, 90)).map(lambda p: f"{p[0]}/{p[1]}")
            for step in STEP_KEYS
        }
    )
)
@pytest.mark.requirement("T-8")
def test_whatever_is_accepted_makes_a_ladder(texts):
    try:
        thermal = loaded(overrides={f"thermal.{s}": t for s, t in texts.items()}).settings.thermal
    except SettingError:
        return
    bands = {ThermalState(step): band for step, band in thermal.bands.items()}
    assert Ladder.of(bands).bands == bands


@pytest.mark.parametrize(
    ("environ", "band"),
    [
        ({TRIGGER: "85"}, Band(85, 80)),
        ({TRIGGER: "90"}, Band(90, 80)),
        ({TRIGGER: "82"}, Band(82, 77)),
        ({TRIGGER: "70.5"}, Band(70.5, 65.5)),
        ({TRIGGER: "-38"}, Band(-38, -40)),
        ({RESUME: "75"}, Band(85, 75)),
        ({RESUME: "84.9"}, Band(85, 84.9)),
        ({TRIGGER: " 70 ", RESUME: "60"}, Band(70, 60)),
        ({TRIGGER: "70", RESUME: ""}, Band(70, 65)),
    ],
)
def test_two_thresholds_alone_are_the_plain_mode(environ, band):
    assert loaded(environ).settings.thermal.bands == {"paused": band}
    long = {f"VOICECHAT_{name}": text for name, text in environ.items()}
    assert loaded(long).settings.thermal.bands == {"paused": band}


def test_the_plain_mode_does_without_the_other_steps(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[thermal]\nsingle = "90/20"\n', encoding="utf-8")
    assert "not in order" in refused(config=path).message
    found = loaded({TRIGGER: "70"}, config=path).settings.thermal.bands
    assert found == {"paused": Band(70, 65)}


def test_empty_variables_leave_the_ladder():
    assert loaded({TRIGGER: "", RESUME: " "}).settings.thermal.bands == Thermal().bands


def test_the_short_variables_are_named_as_sources():
    effective = loaded({TRIGGER: "70", RESUME: "60", INTERVAL: "2.5"})
    assert effective.settings.thermal.check_interval_s == 2.5
    for name, key in (
        (TRIGGER, "trigger_threshold"),
        (RESUME, "resume_threshold"),
        (INTERVAL, "check_interval_s"),
    ):
        source = effective.sources[f"thermal.{key}"]
        assert str(source) == f"environment variable {name}"
        assert source.layer is Layer.ENVIRONMENT


def test_a_short_variable_is_a_layer_like_its_long_one(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text("[thermal]\ncheck_interval_s = 3\n", encoding="utf-8")
    assert loaded(config=path).settings.thermal.check_interval_s == 3
    assert loaded({INTERVAL: "4"}, config=path).settings.thermal.check_interval_s == 4
    stronger = {"thermal.check_interval_s": "5"}
    found = loaded({INTERVAL: "4"}, config=path, overrides=stronger)
    assert found.settings.thermal.check_interval_s == 5


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        (TRIGGER, "hot", "a number from -40 to 150 °C, or empty for none"),
        (TRIGGER, "150.1", "a number from -40 to 150 °C, or empty for none"),
        (RESUME, "nan", "a number from -40 to 150 °C, or empty for none"),
        (RESUME, "80°C", "a number from -40 to 150 °C, or empty for none"),
        (INTERVAL, "0", "a number from 0.1 to 60 seconds"),
        (INTERVAL, "61", "a number from 0.1 to 60 seconds"),
        (INTERVAL, "", "a number from 0.1 to 60 seconds"),
        (INTERVAL, "inf", "a number from 0.1 to 60 seconds"),
    ],
)
def test_the_short_variables_are_as_strict(name, text, allowed):
    message = refused({name: text}).message
    assert f"is {text!r} (environment variable {name}); allowed: {allowed}" in message


@pytest.mark.parametrize(
    ("environ", "key", "name"),
    [
        ({TRIGGER: "80", RESUME: "80"}, "resume_threshold", RESUME),
        ({TRIGGER: "80", RESUME: "85"}, "resume_threshold", RESUME),
        ({RESUME: "85"}, "resume_threshold", RESUME),
        ({TRIGGER: "-40"}, "trigger_threshold", TRIGGER),
    ],
)
def test_a_resume_that_is_not_below_the_trigger_is_refused(environ, key, name):
    error = refused(environ)
    assert f"thermal.{key} is " in error.message
    assert f"(environment variable {name}); resume, " in error.message
    assert " is not below " in error.message


@pytest.mark.parametrize(
    ("short", "long"), [("80", "81"), ("80", ""), ("", "80")], ids=["differ", "empty", "given"]
)
def test_both_names_with_different_values_are_refused(short, long):
    error = refused({TRIGGER: short, f"VOICECHAT_{TRIGGER}": long})
    assert f"environment variable {TRIGGER})" in error.message
    assert f"environment variable VOICECHAT_{TRIGGER})" in error.message
    assert "one of the two" in error.suggested_action


def test_both_names_with_one_value_are_fine():
    found = loaded({TRIGGER: "80.0", f"VOICECHAT_{TRIGGER}": "80"}).settings.thermal
    assert found.trigger_threshold == 80


def test_a_mistyped_long_name_is_told_its_key():
    error = refused({"VOICECHAT_THERMAL_CHECK_INTERVAL": "2"})
    assert error.suggested_action == "Did you mean VOICECHAT_THERMAL_CHECK_INTERVAL_S?"


@pytest.mark.parametrize(("text", "slots"), [("auto", "auto"), ("1", 1), ("256", 256), (" 4 ", 4)])
def test_slots(text, slots):
    assert loaded(overrides={"thermal.slots": text}).settings.thermal.slots == slots


@pytest.mark.parametrize("text", ["0", "257", "2.5", "Auto", "", "many"])
def test_slots_that_are_not_allowed(text):
    message = refused(overrides={"thermal.slots": text}).message
    assert message.endswith('allowed: a whole number from 1 to 256 or "auto"')


def test_a_written_file_gives_the_same_ladder_again(tmp_path):
    own = {"thermal.single": "off", "thermal.paused": "90/80", "thermal.slots": "2"}
    before = loaded(overrides=own)
    path = tmp_path / "again.toml"
    path.write_text(as_toml(before), encoding="utf-8")
    assert tomllib.loads(as_toml(before))["thermal"]["single"] == "off"
    after = load(config=path, environ={"HOME": "/elsewhere"}, overrides={})
    assert after.settings.thermal == before.settings.thermal


def test_code_is_checked_as_well():
    with pytest.raises(SettingError, match="paused is '80/85'; allowed"):
        Thermal(paused="80/85")
    with pytest.raises(SettingError, match="slots is True; allowed"):
        Thermal(slots=True)
