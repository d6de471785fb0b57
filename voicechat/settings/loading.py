"""Make the settings from file, environment and flags, remembering where each value came from.

Defaults < `voicechat.toml` < `VOICECHAT_<SECTION>_<KEY>` < flags; a few variables have a second,
shorter name. Everything is checked before
anything starts, and a bad value is refused with its key, its source and what is allowed instead.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voicechat.errors import SettingError
from voicechat.settings.contradictions import refuse_contradictions
from voicechat.settings.kinds import FilePath
from voicechat.settings.sections import data_home
from voicechat.settings.setting import MASK, Setting
from voicechat.settings.source import Effective, Layer, Source
from voicechat.settings.tree import Settings, fields_of, leaves, sections

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_FILE = Path("voicechat.toml")
PREFIX = "VOICECHAT_"
# They steer the project's own build and tests.
NOT_SETTINGS = frozenset({"VOICECHAT_BUILD_PAGE", "VOICECHAT_CI", "VOICECHAT_TEST_DATA"})
# Kubernetes tells every pod of a service in such variables, and a service is named as it likes.
OF_KUBERNETES = ("VOICECHAT_PORT_", "VOICECHAT_SERVICE_")


def load(
    *, config: Path | None, environ: Mapping[str, str], overrides: Mapping[str, str]
) -> Effective:
    """Combine all layers.

    Args:
        config: The TOML file; None takes `voicechat.toml` of the current directory if it exists.
        environ: The environment, usually `os.environ`.
        overrides: Text by full key, from flags.

    Returns:
        The settings and their sources. Relative paths of a file are relative to that file.

    Raises:
        SettingError: The file cannot be read, a key is unknown, a value is not allowed, or two
            settings contradict each other.
    """
    known = leaves()
    merged: dict[str, Any] = {"server.data_dir": data_home(environ)}
    sources = dict.fromkeys(known, Source(Layer.DEFAULT))
    for layer in (
        _from_file(config, known),
        _from_environment(environ, known),
        _from_flags(overrides, known),
    ):
        for key, (value, source) in layer.items():
            merged[key], sources[key] = value, source
    for key, described in known.items():
        if isinstance(described.kind, FilePath) and merged.get(key) is not None:
            merged[key] = _expand(merged[key], environ)
    settings = Settings(
        **{
            name: section(
                **{
                    key: merged[f"{name}.{key}"]
                    for key, _ in fields_of(section)
                    if f"{name}.{key}" in merged
                }
            )
            for name, section in sections().items()
        }
    )
    refuse_contradictions(settings, sources)
    return Effective(settings, sources)


_Found = dict[str, tuple[Any, Source]]


def _from_file(config: Path | None, known: Mapping[str, Setting]) -> _Found:
    path = config if config is not None else DEFAULT_FILE
    found: _Found = {}
    for name, table in _read(path, required=config is not None).items():
        if name not in sections():
            raise _unknown(name, sections(), f"{path}", "section")
        if not isinstance(table, dict):
            raise SettingError(
                f"{path}: {name} is {table!r}; it must be a section",
                suggested_action=f"Write [{name}] and the keys under it.",
            )
        for key, raw in table.items():
            full, source = f"{name}.{key}", Source(Layer.FILE, f"{path}:{name}.{key}")
            if full not in known:
                raise _unknown(full, known, f"{path}")
            try:
                value = known[full].kind.check(raw)
            except ValueError:
                raise _bad_value(full, raw, known[full], source) from None
            if isinstance(value, Path) and not str(value).startswith("~"):
                value = path.parent / value
            found[full] = (value, source)
    return found


def _read(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if not required:
            return {}
        raise SettingError(
            f"there is no settings file {path}",
            suggested_action="Check --config, or leave it out to use the defaults.",
        ) from None
    except OSError as error:
        raise SettingError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingError(f"{path} is not UTF-8 text, as TOML must be") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path} is not valid TOML: {error}") from None


def _from_environment(environ: Mapping[str, str], known: Mapping[str, Setting]) -> _Found:
    names = {PREFIX + key.replace(".", "_").upper(): key for key in known}
    aliases = {described.alias: key for key, described in known.items() if described.alias}
    found: _Found = {}
    for name, text in environ.items():
        if name not in aliases and difflib.get_close_matches(name, aliases, n=1, cutoff=0.9):
            raise _unknown(name, aliases, "the environment", "variable")
        if not name.startswith(PREFIX) or name in NOT_SETTINGS or _of_kubernetes(name, text):
            continue
        if name not in names:
            raise _unknown(name, names, "the environment", "variable")
        source = Source(Layer.ENVIRONMENT, name)
        found[names[name]] = (_parse(names[name], text, known, source), source)
    for name, key in aliases.items():
        if name not in environ:
            continue
        source = Source(Layer.ENVIRONMENT, name)
        value = _parse(key, environ[name], known, source)
        other, place = found.setdefault(key, (value, source))
        if other != value:
            raise SettingError(
                f"{key} is {other!r} ({place}) and {value!r} ({source}) at once",
                suggested_action="Set one of the two variables.",
            )
    return found


def _of_kubernetes(name: str, text: str) -> bool:
    """Tell what Kubernetes sets for a service named voicechat from a mistyped setting."""
    if name == "VOICECHAT_PORT":  # tcp://10.0.0.7:8000; a bare number was meant for server.port
        return "://" in text
    return name.startswith(OF_KUBERNETES)


def _from_flags(overrides: Mapping[str, str], known: Mapping[str, Setting]) -> _Found:
    found: _Found = {}
    for key, text in overrides.items():
        if key not in known:
            raise _unknown(key, known, "the command line")
        source = Source(Layer.FLAG, key)
        found[key] = (_parse(key, text, known, source), source)
    return found


def _parse(key: str, text: str, known: Mapping[str, Setting], source: Source) -> Any:
    try:
        return known[key].kind.from_text(text)
    except ValueError:
        raise _bad_value(key, text, known[key], source) from None


def _expand(path: Path, environ: Mapping[str, str]) -> Path:
    """Put the home directory for a leading ``~``."""
    if path.parts[:1] != ("~",):
        return path
    home = environ.get("HOME", "")
    return (Path(home) if home else Path.home()).joinpath(*path.parts[1:])


def _bad_value(key: str, value: object, described: Setting, source: Source) -> SettingError:
    shown = MASK if described.secret else repr(value)
    return SettingError(f"{key} is {shown} ({source}); allowed: {described.kind.allowed}")


def _unknown(name: str, known: Iterable[str], where: str, what: str = "setting") -> SettingError:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    action = f"Did you mean {near[0]}?" if near else "`voicechat config` lists all of them."
    return SettingError(f"{where} has an unknown {what} {name}", suggested_action=action)
