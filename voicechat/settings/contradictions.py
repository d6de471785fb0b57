"""Refuses settings that are fine each by itself and make no sense together."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from voicechat.errors import SettingError
from voicechat.settings.kinds import OFF
from voicechat.settings.source import Layer, Source
from voicechat.settings.tree import values

if TYPE_CHECKING:
    from voicechat.settings.sections import Server
    from voicechat.settings.thermal import Thermal
    from voicechat.settings.tree import Settings

_Refuse: TypeAlias = Callable[[str, str, str], SettingError]


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach `host`; of names, only localhost is trusted."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refuse_contradictions(settings: Settings, sources: Mapping[str, Source]) -> None:
    """Check what no setting can check alone.

    Raises:
        SettingError: Two settings contradict each other; it names one, its value and its source.
    """
    value = values(settings)

    def refuse(key: str, why: str, action: str) -> SettingError:
        return SettingError(
            f"{key} is {str(value[key])!r} ({sources[key]}); {why}", suggested_action=action
        )

    _check_server(settings.server, value, refuse)
    talk = settings.conversation
    if talk.endpoint_floor_ms > talk.endpoint_ceiling_ms:
        raise refuse(
            "conversation.endpoint_floor_ms",
            f"it is more than conversation.endpoint_ceiling_ms, {talk.endpoint_ceiling_ms}",
            "Lower the floor or raise the ceiling.",
        )
    _check_thermal(settings.thermal, sources, refuse)


def _check_server(server: Server, value: Mapping[str, Any], refuse: _Refuse) -> None:
    if not (is_loopback(server.host) or server.insecure):
        raise refuse(
            "server.host",
            "other machines could use it without a key; allowed: a loopback address "
            "such as 127.0.0.1, or any address with server.insecure",
            "Keep 127.0.0.1, or add --insecure if you trust everybody on this network.",
        )
    for one, other in (
        ("server.tls_cert", "server.tls_key"),
        ("server.tls_key", "server.tls_cert"),
    ):
        if value[one] is not None and value[other] is None:
            raise refuse(one, f"it needs {other} as well", f"Set {other}, or neither.")
    if server.tls_self_signed and server.tls_cert is not None:
        raise refuse(
            "server.tls_self_signed",
            "it cannot be combined with server.tls_cert",
            "Choose your own certificate or a self-signed one.",
        )


def _check_thermal(thermal: Thermal, sources: Mapping[str, Source], refuse: _Refuse) -> None:
    try:
        bands = tuple(thermal.bands.items())
    except ValueError as error:  # of the plain mode; the pairs of the steps are checked before
        raise refuse(
            _given(("thermal.resume_threshold", "thermal.trigger_threshold"), sources),
            str(error),
            "Set thermal.trigger_threshold above thermal.resume_threshold.",
        ) from None
    for (cool, lower), (hot, upper) in itertools.pairwise(bands):
        if not upper.above(lower):
            keys = (f"thermal.{hot}", f"thermal.{cool}")
            key = _given(keys, sources)
            (other,) = set(keys) - {key}
            raise refuse(
                key,
                f"with {other} at {lower if key == keys[0] else upper} the steps are not in order",
                f"Let {keys[0]} begin above {keys[1]}, and end no lower; or write {OFF} for one.",
            )


def _given(keys: tuple[str, str], sources: Mapping[str, Source]) -> str:
    """The one of two that somebody set, or set in the stronger layer: that is what to look at."""
    return max(keys, key=lambda key: list(Layer).index(sources[key].layer))
