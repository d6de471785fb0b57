"""The flags that every command has, and how a command's own flags become settings.

Flags stay text until the settings tree parses them: a bad value gets the same message from a flag,
a variable or a file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence  # noqa: TC003  (cyclopts reads the annotations)
from pathlib import Path
from typing import Annotated

import attrs
from cyclopts import Parameter

from voicechat.errors import SettingError
from voicechat.settings import Effective, load


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class SettingsOptions:
    """Where settings come from; take it as a parameter of a command.

    Attributes:
        config: Settings file to read instead of `voicechat.toml`.
        assign: Setting to change, as section.key=value; may be repeated.
    """

    config: Annotated[
        Path | None,
        Parameter(name="--config", help="Settings file; default: voicechat.toml if it exists."),
    ] = None
    assign: Annotated[
        tuple[str, ...],
        Parameter(
            name="--set",
            help="Change a setting: --set section.key=value; may be repeated.",
            negative="",
            show_default=False,
        ),
    ] = ()

    def load(
        self, named: Mapping[str, str | bool | Path | Sequence[str] | None] | None = None
    ) -> Effective:
        """Return the settings in force.

        Args:
            named: Values of a command's own flags by full key, such as ``server.port``; None means
                that the flag was not given. They win over `--set`.

        Raises:
            SettingError: Something is not allowed; the message says what and where.
        """
        overrides = dict(map(_assignment, self.assign))
        overrides |= {
            key: _text(value) for key, value in (named or {}).items() if value is not None
        }
        return load(config=self.config, environ=os.environ, overrides=overrides)


def _assignment(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise SettingError(
            f"--set {text} has no value",
            suggested_action="Write --set section.key=value, such as --set server.port=8080.",
        )
    return key.strip(), value


def _text(value: str | bool | Path | Sequence[str]) -> str:  # noqa: FBT001  (a flag's value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | Path):
        return str(value)
    return ",".join(value)
