import json

import attrs
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.codec import Codec
from voicechat.protocol.messages import CLIENT_MESSAGES, SERVER_MESSAGES
from voicechat.protocol.messages.base import has_own_seq
from voicechat.protocol.messages.connection import Hello, Settings
from voicechat.protocol.messages.conversation import ResponseComplete, TurnTimings, UserMessage
from voicechat.protocol.schema import json_schema

CODEC = Codec()
SCHEMA = json_schema()
CLIENT, SERVER = (
    jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", **SCHEMA})
    for name in ("ClientMessage", "ServerMessage")
)


def examples(kind):
    """Strategy for any valid instance of a message class, limits included."""
    definition = SCHEMA["$defs"][kind.__name__]

    def of(schema):
        if "$ref" in schema:
            return of(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        if "anyOf" in schema:
            return st.one_of([of(part) for part in schema["anyOf"]])
        match schema["type"]:
            case "null":
                return st.none()
            case "boolean":
                return st.booleans()
            case "integer":
                return st.integers(schema.get("minimum", -1000), schema.get("maximum", 10**6))
            case "number":
                limits = schema.get("minimum"), schema.get("maximum")
                return st.floats(*limits, allow_nan=False, allow_infinity=False)
            case "string":
                return st.text(
                    st.characters(exclude_categories=["Cs"]),
                    min_size=schema.get("minLength", 0),
                    max_size=min(schema.get("maxLength", 30), 30),
                )
            case "array":
                return st.lists(of(schema["items"]), max_size=3)
            case "object":
                required = {key: of(schema["properties"][key]) for key in schema["required"]}
                return st.fixed_dictionaries(required)
        raise AssertionError(schema)

    fields = {
        key: of(schema)
        for key, schema in definition["properties"].items()
        if key != "type" and (key != "seq" or has_own_seq(kind))
    }
    return st.fixed_dictionaries(fields)


@pytest.mark.requirement("P-1")
@pytest.mark.parametrize("kind", CLIENT_MESSAGES, ids=lambda kind: kind.type)
@given(data=st.data())
def test_client_messages_round_trip_and_fit_the_schema(kind, data):
    fields = data.draw(examples(kind))
    envelope = CODEC.decode_client(json.dumps({"type": kind.type, "seq": 7} | fields))
    assert type(envelope.message) is kind
    assert envelope.seq == (None if has_own_seq(kind) else 7)
    text = CODEC.encode(envelope.message, 7)
    assert CODEC.decode_client(text) == envelope
    CLIENT.validate(json.loads(text))


@pytest.mark.requirement("P-1")
@pytest.mark.parametrize("kind", SERVER_MESSAGES, ids=lambda kind: kind.type)
@given(data=st.data())
def test_server_messages_round_trip_and_fit_the_schema(kind, data):
    fields = data.draw(examples(kind))
    message, _ = CODEC.decode_server(json.dumps({"type": kind.type} | fields))
    text = CODEC.encode(message, 1)
    assert CODEC.decode_server(text) == (message, None if has_own_seq(kind) else 1)
    SERVER.validate(json.loads(text))


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", ErrorCode.INVALID_JSON, "not valid JSON"),
        ("[", ErrorCode.INVALID_JSON, "not valid JSON"),
        ("[" * 100_000, ErrorCode.INVALID_JSON, "not valid JSON"),
        ("[]", ErrorCode.INVALID_JSON, "object"),
        ('{"type":"settings","speak":NaN}', ErrorCode.INVALID_JSON, "not valid JSON"),
        ("{}", ErrorCode.UNKNOWN_TYPE, "missing"),
        ('{"type":3}', ErrorCode.UNKNOWN_TYPE, "no text"),
        ('{"type":"welcome"}', ErrorCode.UNKNOWN_TYPE, "'welcome'"),
        ('{"type":"user_message"}', ErrorCode.INVALID_MESSAGE, "user_message.text is missing"),
        ('{"type":"settings","patience":1.5}', ErrorCode.INVALID_MESSAGE, "from 0 to 1"),
        ('{"type":"settings","speak":"no"}', ErrorCode.INVALID_MESSAGE, "true or false"),
        ('{"type":"settings","speak":0}', ErrorCode.INVALID_MESSAGE, "true or false"),
        ('{"type":"settings","speak":true,"x":1}', ErrorCode.INVALID_MESSAGE, "no field x"),
        ('{"type":"settings","speak":true,"seq":"1"}', ErrorCode.INVALID_MESSAGE, "seq"),
        ('{"type":"settings","speak":true,"seq":-1}', ErrorCode.INVALID_MESSAGE, "seq"),
        ('{"type":"hello","protocol":true}', ErrorCode.INVALID_MESSAGE, "whole number"),
        ('{"type":"hello","protocol":1.0}', ErrorCode.INVALID_MESSAGE, "whole number"),
        ('{"type":"hello","protocol":"1"}', ErrorCode.INVALID_MESSAGE, "whole number"),
        ('{"type":"interrupt","turn":"3"}', ErrorCode.INVALID_MESSAGE, "whole number"),
        ('{"type":"interrupt","turn":0}', ErrorCode.INVALID_MESSAGE, "from 1"),
        ('{"type":"user_message","text":""}', ErrorCode.INVALID_MESSAGE, "1 to 32000"),
        ('{"type":"user_message","text":7}', ErrorCode.INVALID_MESSAGE, "a text"),
        (
            '{"type":"audio_open","stream":1,"rate":8000,"mode":"x"}',
            ErrorCode.INVALID_MESSAGE,
            "hands_free, push_to_talk",
        ),
        ('{"type":"audio_open","stream":1,"rate":7999}', ErrorCode.INVALID_MESSAGE, "8000"),
    ],
)
@pytest.mark.requirement("P-1")
def test_bad_messages_are_refused_with_what_is_wrong(text, code, says):
    with pytest.raises(ProtocolError) as caught:
        CODEC.decode_client(text)
    assert caught.value.code is code
    assert says in caught.value.message


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_decoded_or_refused(text):
    try:
        CODEC.decode_client(text)
    except ProtocolError as error:
        said = error.message
    else:
        said = "taken"
    assert said
    assert "Traceback" not in said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.sampled_from(CLIENT_MESSAGES), st.data())
def test_any_json_in_any_field_is_decoded_or_refused(kind, data):
    names = [field.name for field in attrs.fields(kind)] + ["seq", "extra"]
    body = data.draw(st.dictionaries(st.sampled_from(names), JSON))
    text = json.dumps({"type": kind.type} | body)
    try:
        message = CODEC.decode_client(text).message
    except ProtocolError:
        return
    for field in attrs.fields(kind):
        if field.name in body and not isinstance(getattr(message, field.name), float):
            assert getattr(message, field.name) == body[field.name]
            assert type(body[field.name]) is not bool or field.type in {bool, "bool"}


def test_limits_hold_for_messages_that_the_server_makes_too():
    with pytest.raises(ValueError, match="output_rate"):
        Hello(1, output_rate=1)
    assert CODEC.encode(Settings(speak=True)) == (
        '{"type":"settings","speak":true,"patience":null}'
    )
    assert CODEC.decode_client('{"type":"user_message","text":"' + "[" * 99 + '"}').message == (
        UserMessage("[" * 99)
    )
    whole = ResponseComplete(1, "x", TurnTimings(endpoint_ms=1))
    assert '"stt_final_ms":null' in CODEC.encode(whole)
