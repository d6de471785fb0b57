"""The file of a recorded session: lines of JSON, one for each thing that came or went. PURE.

`docs/reference/recording.md` describes it for other programs. The first line is the header, each
line after it a record; a process that is killed leaves a torn last line, which does not count.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import attrs

from voicechat.errors import ProtocolError, RecordingError
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.base import ClientMessage, ServerMessage
from voicechat.protocol.messages.connection import Hello

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from voicechat.protocol.codec import Codec

VERSION: Final = 1
"""Of this format; a reader takes no other."""
MAGIC: Final = "voicechat_recording"


class Ending(StrEnum):
    """Why nothing follows.

    ``session``: the session has ended. ``full``: the file has the size at which it may grow no
    more. ``slow``: the disk could not keep up.
    """

    SESSION = "session"
    FULL = "full"
    SLOW = "slow"


@attrs.frozen
class Header:
    """What was recorded, and with what.

    Attributes:
        session_id: The session.
        started: The wall clock when it began, with its zone.
        hello: What the client asked for.
        version: Of voicechat.
        settings: Values by full key, such as ``speech.vad``, of the sections that decide what a
            session does; secrets are masked.
        packages: Versions of the packages below it, by name.
    """

    session_id: str
    started: datetime
    hello: Hello
    version: str
    settings: Mapping[str, Any]
    packages: Mapping[str, str]


@attrs.frozen
class SentSpeech:
    """A frame of speech that was sent, without its sound.

    Attributes:
        turn: Whose.
        offset: Position of its first sample.
        samples: Its length.
        last: No frame of this turn follows.
    """

    turn: int
    offset: int
    samples: int
    last: bool = False

    @classmethod
    def of(cls, frame: AudioFrame) -> SentSpeech:
        """What is recorded of a frame."""
        return cls(frame.stream, frame.offset, frame.samples, frame.last)


@attrs.frozen
class Taken:
    """The listener began to work on a microphone frame later than it came: it was busy.

    Attributes:
        stream: The frame's stream.
        seq: Its number in it, which is the client's own and need not be its only one.
        offset: Position of its first sample.
    """

    stream: int
    seq: int
    offset: int


Item = ClientMessage | ServerMessage | AudioFrame | SentSpeech | Taken | Ending


@attrs.frozen
class Record:
    """Something that happened `at` seconds after the session began.

    The item's type tells the direction: a `ClientMessage` or `AudioFrame` came, a `ServerMessage`
    or `SentSpeech` went; a `Taken` is about a frame that had come; an `Ending` is the last one.
    """

    at: float
    item: Item


def write_header(header: Header, codec: Codec) -> bytes:
    """The first line."""
    return _line(
        {
            MAGIC: VERSION,
            "version": header.version,
            "session": header.session_id,
            "started": header.started.isoformat(),
            "hello": json.loads(codec.encode(header.hello)),
            "settings": dict(header.settings),
            "packages": dict(header.packages),
        }
    )


def write_record(record: Record, codec: Codec) -> bytes:
    """One line."""
    line: dict[str, Any] = {"t": round(record.at, 6)}
    match record.item:
        case AudioFrame() as frame:
            line["mic"] = _frame(frame)
        case SentSpeech() as speech:
            line["speech"] = attrs.asdict(speech)
        case Taken() as taken:
            line["taken"] = attrs.asdict(taken)
        case Ending() as ending:
            line["end"] = ending.value
        case ClientMessage() as message:
            line["in"] = json.loads(codec.encode(message))
        case ServerMessage() as message:
            line["out"] = json.loads(codec.encode(message))
    return _line(line)


def read_header(line: bytes, codec: Codec) -> Header:
    """Read the first line.

    Raises:
        RecordingError: It is none, or of another version.
    """
    fields = _parse(line)
    if fields is None or MAGIC not in fields:
        raise RecordingError(
            "This is not a recording of voicechat.",
            suggested_action="Give a file that `voicechat serve --record DIR` has written.",
        )
    if fields[MAGIC] != VERSION:
        raise RecordingError(
            f"This recording has version {str(fields[MAGIC])[:20]} of the format,"
            f" and only {VERSION} can be read.",
            suggested_action="Use the version of voicechat that wrote it.",
        )
    try:
        hello = codec.decode_client(json.dumps(fields["hello"])).message
        header = Header(
            _expect(fields["session"], str),
            datetime.fromisoformat(fields["started"]),
            _expect(hello, Hello),
            _expect(fields["version"], str),
            _expect(fields["settings"], dict),
            _expect(fields["packages"], dict),
        )
    except (KeyError, TypeError, ValueError, ProtocolError):
        raise _damaged(1) from None
    if header.started.tzinfo is None:
        raise _damaged(1)
    return header


def read_records(lines: Iterable[bytes], codec: Codec) -> Iterator[Record]:
    """Read the lines after the first.

    Args:
        lines: With their line ends; one without is torn off, and ends the recording.
        codec: Decodes messages.

    Raises:
        RecordingError: A line is damaged; the message has its number.
    """
    latest = 0.0
    for number, line in enumerate(lines, 2):
        if not line.endswith(b"\n"):
            return
        try:
            record = _record(_expect(_parse(line), dict), codec)
        except (KeyError, TypeError, ValueError, binascii.Error, ProtocolError):
            raise _damaged(number) from None
        if record is None:
            continue
        if not latest <= record.at < float("inf"):
            raise _damaged(number)
        latest = record.at
        yield record
        if isinstance(record.item, Ending):
            return


def _record(fields: dict[str, Any], codec: Codec) -> Record | None:
    at = fields.pop("t")
    if isinstance(at, bool) or not isinstance(at, int | float):
        raise TypeError(at)
    ((kind, value),) = fields.items()
    item: Item
    match kind:
        case "mic":
            item = AudioFrame(
                FrameKind.MICROPHONE,
                _count(value["stream"]),
                _count(value["seq"]),
                _count(value["offset"]),
                base64.b64decode(value["pcm"], validate=True),
                last=_expect(value.get("last", False), bool),
            )
            if len(item.pcm) % 2:
                raise ValueError(kind)
        case "speech":
            item = SentSpeech(
                _count(value["turn"]),
                _count(value["offset"]),
                _count(value["samples"]),
                last=_expect(value.get("last", False), bool),
            )
        case "taken":
            item = Taken(_count(value["stream"]), _count(value["seq"]), _count(value["offset"]))
        case "in":
            item = codec.decode_client(json.dumps(value)).message
        case "out" if _expect(value, dict).get("type") == "welcome":
            return None  # of the connection; sessions once sent it
        case "out":
            item = codec.decode_server(json.dumps(value))[0]
        case "end":
            item = Ending(value)
        case _:
            raise ValueError(kind)
    return Record(float(at), item)


def _frame(frame: AudioFrame) -> dict[str, Any]:
    return {
        "stream": frame.stream,
        "seq": frame.seq,
        "offset": frame.offset,
        "pcm": base64.b64encode(frame.pcm).decode("ascii"),
        "last": frame.last,
    }


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _expect(value: Any, kind: type[Any]) -> Any:
    if type(value) is not kind:
        raise TypeError(value)
    return value


def _count(value: Any) -> int:
    number: int = _expect(value, int)
    if number < 0:
        raise ValueError(value)
    return number


def _damaged(line: int) -> RecordingError:
    return RecordingError(
        f"The recording is damaged in line {line}.",
        suggested_action="Cut that line and all after it off, and try again.",
    )
