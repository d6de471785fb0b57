"""What is known about one setting, and how a section of the tree declares it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from voicechat.errors import SettingError

if TYPE_CHECKING:
    from voicechat.settings.kinds import Kind

METADATA = "voicechat.setting"
"""Metadata key under which a field keeps its `Setting`."""
MASK = "********"


@attrs.frozen
class Setting:
    """What is known about one setting besides its value.

    Attributes:
        kind: Its type and range.
        help: One sentence for people.
        secret: True when its value must never be shown.
        shown_default: How documentation shows a default that depends on the machine.
        alias: A second environment variable that sets it; empty if there is none.
    """

    kind: Kind
    help: str
    secret: bool = False
    shown_default: str = ""
    alias: str = ""


def setting(
    default: Any,
    kind: Kind,
    help: str,  # noqa: A002  (the word that every command line uses)
    *,
    secret: bool = False,
    shown_default: str = "",
    alias: str = "",
) -> Any:
    """Declare a field of a section; a value outside `kind` raises `SettingError`."""

    def validate(_section: object, attribute: attrs.Attribute[Any], value: object) -> None:
        try:
            kind.check(value)
        except ValueError:
            shown = MASK if secret else repr(value)
            raise SettingError(f"{attribute.name} is {shown}; allowed: {kind.allowed}") from None

    described = Setting(kind, help, secret=secret, shown_default=shown_default, alias=alias)
    return attrs.field(default=default, validator=validate, metadata={METADATA: described})
