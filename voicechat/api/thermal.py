"""How hot the machine is, what it leaves out, and the thresholds, which may be changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

import trio
from quart import Blueprint, jsonify, request

from voicechat.api.local import refuse_others
from voicechat.errors import ErrorCode, ProtocolError
from voicechat.settings.band import COLDEST, HOTTEST, Band, sensible
from voicechat.thermal.ladder import LIMITS, STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quart.typing import ResponseReturnValue

    from voicechat.protocol.messages.thermal import ThermalState
    from voicechat.thermal.governor import Governor

PATH: Final = "/api/v1/thermal"
MAX_BODY: Final = 4096
"""Bytes of a change; four steps with two numbers each need 300."""
FIELDS: Final = ("trigger_c", "resume_c")
HINT: Final = (
    "Send something like "
    '{"thresholds": {"paused": {"trigger_c": 84, "resume_c": 79}, "single": null}}.'
)
UNPROTECTED: Final = (
    "To run without protection from heat, start the server with thermal.sensor set to none."
)


class Occupied(Protocol):
    """What the gate tells of itself."""

    @property
    def slots(self) -> int:
        """Inferences at once while it is cool."""
        ...

    @property
    def occupied(self) -> int:
        """Slots in use at this moment."""
        ...

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        ...


def blueprint(governor: Governor, gate: Occupied) -> Blueprint:
    """Route `/api/v1/thermal`: GET for everybody, PATCH for programs on this machine.

    Args:
        governor: What watches the heat.
        gate: What it limits.
    """
    routes = Blueprint("thermal", __name__)

    @routes.get(PATH)
    async def show() -> ResponseReturnValue:
        return jsonify(_shown(governor, gate))

    @routes.patch(PATH)
    async def change() -> ResponseReturnValue:
        if (refusal := await refuse_others()) is not None:
            return refusal
        if request.mimetype != "application/json":
            return _refused(
                415, "unsupported_media_type", "The thresholds must come as application/json."
            )
        body = await request.get_data(cache=False)
        if len(body) > MAX_BODY:
            return _refused(
                413, ErrorCode.MESSAGE_TOO_LARGE, f"The body may have {MAX_BODY} bytes."
            )
        before = governor.status.bands
        bands = _merged(before, _thresholds(body))
        if before and not bands:
            return _refused(409, "conflict", "At least one step must stay.", UNPROTECTED)
        try:
            governor.change(bands)
        except ValueError as error:
            return _refused(409, "conflict", f"The steps would not be in order: {error}.")
        return jsonify(_shown(governor, gate))

    return routes


def _shown(governor: Governor, gate: Occupied) -> dict[str, Any]:
    status, now = governor.status, trio.current_time()
    limits = LIMITS[status.limited_to]
    return {
        "state": status.state,
        "temperature_c": None if status.celsius is None else round(status.celsius, 1),
        "since": status.since_wall.isoformat(timespec="seconds"),
        "for_s": round(now - status.since, 1),
        "sensor": status.sensor,
        "flags": status.flags,
        "thresholds": {
            state: {"trigger_c": band.trigger, "resume_c": band.resume}
            for state, band in status.bands.items()
        },
        "limits": {
            "slots": gate.slots if limits.slots is None else min(limits.slots, gate.slots),
            "speculation": limits.speculation,
            "agents": limits.agents,
        },
        "gate": {"slots": gate.slots, "occupied": gate.occupied, "waiting": gate.waiting},
        "history": [[round(now - each.at, 1), round(each.celsius, 1)] for each in governor.history],
    }


def _refused(status: int, code: str, message: str, action: str = HINT) -> ResponseReturnValue:
    return jsonify(error=code, message=message, suggested_action=action), status


def _wrong(message: str, code: ErrorCode = ErrorCode.INVALID_MESSAGE) -> ProtocolError:
    return ProtocolError(message, suggested_action=HINT, code=code)


def _thresholds(body: str | bytes) -> dict[str, Any]:
    """What a change asks for, by the names of steps.

    Raises:
        ProtocolError: It is something else.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise _wrong("The body is not valid JSON.", ErrorCode.INVALID_JSON) from None
    if not isinstance(value, dict) or value.keys() != {"thresholds"}:
        raise _wrong("The body must be an object with the one key thresholds.")
    if not isinstance(value["thresholds"], dict):
        raise _wrong("thresholds must be an object with steps as keys.")
    return value["thresholds"]


def _merged(
    bands: Mapping[ThermalState, Band], changes: Mapping[str, Any]
) -> dict[ThermalState, Band]:
    """The thresholds in force with the changes made.

    Raises:
        ProtocolError: A change names no step, or is no pair of temperatures.
    """
    steps = {str(state): state for state in STEPS}
    merged = dict(bands)
    for name, wanted in changes.items():
        if name not in steps:
            raise _wrong(f"There is no step {name[:40]!r}; there are {', '.join(steps)}.")
        if wanted is None:
            merged.pop(steps[name], None)
        else:
            merged[steps[name]] = _band(name, wanted)
    return merged


def _band(name: str, wanted: object) -> Band:
    if not isinstance(wanted, dict) or wanted.keys() != set(FIELDS):
        raise _wrong(f"thresholds.{name} must be null or an object with {' and '.join(FIELDS)}.")
    for field in FIELDS:
        if type(wanted[field]) not in {int, float} or not sensible(wanted[field]):
            raise _wrong(
                f"thresholds.{name}.{field} must be a number from {COLDEST:g} to {HOTTEST:g} °C."
            )
    try:
        return Band(*(float(wanted[field]) for field in FIELDS))
    except ValueError as error:
        raise _wrong(f"thresholds.{name}: {error}.") from None
