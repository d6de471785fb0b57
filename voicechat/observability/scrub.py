"""PURE: take secrets and what people said out of log events, because logs are copied around.

Secrets are found twice, by the name of their key and by the shape of their text: a key name misses
a token inside an exception's message, a shape misses a password.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MASK = "********"

_SECRET_NAME = re.compile(
    r"(^|[_\-.])(pass(word|wd|phrase)?|secrets?|tokens?|api_?keys?|access_?keys?|private_?keys?"
    r"|authorization|cookies?|credentials?|jwt|bearer)($|[_\-.])",
    re.IGNORECASE,
)

# The first group, where there is one, is kept: it says what was hidden.
_SECRET_SHAPES = (
    re.compile(r"(?i)\b((?:bearer|basic)\s+)[\w.~+/=\-]{8,}"),
    re.compile(r"\b()eyJ[\w\-]{4,}\.[\w\-]{4,}\.[\w\-]*"),  # JSON Web Token
    re.compile(r"\b((?:sk|pk|rk|ghp|gho|xox[abp])[-_])[\w\-]{12,}"),  # keys of well-known services
    re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)"),  # password in an address
    re.compile(
        r"(?i)\b((?:pass(?:word|wd|phrase)?|secret|token|api_?key|access_?key|jwt)[\"']?\s*[=:]\s*[\"']?)"
        r"[^\s&\"',;)}]+"
    ),
    re.compile(
        r"()-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
    ),
)

TRANSCRIPT_KEYS = frozenset(
    {"transcript", "partial", "text", "words", "said", "heard", "utterance", "answer", "sentence"}
)
"""Keys of log events under which speech, typed text and answers are logged."""


def scrub_secrets(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event with every secret masked, at any depth of mappings, lists and tuples."""
    return {key: _scrub(key, value) for key, value in event.items()}


def _scrub(key: object, value: Any) -> Any:
    is_number = isinstance(value, bool | int | float)  # "first_token_ms" is a time, no secret
    if value is not None and not is_number and isinstance(key, str) and _SECRET_NAME.search(key):
        return MASK
    if isinstance(value, dict):
        return {inner: _scrub(inner, item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_scrub(None, item) for item in value]
    if is_number or value is None:
        return value
    return scrub_text(value if isinstance(value, str) else repr(value))


def scrub_text(text: str) -> str:
    """Return the text with whatever looks like a secret masked."""
    for shape in _SECRET_SHAPES:
        text = shape.sub(lambda found: f"{found[1]}{MASK}", text)
    return text


def hide_transcripts(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event with what was said replaced by its length in characters."""
    return {
        key: f"<{len(value)} characters>"
        if key in TRANSCRIPT_KEYS and isinstance(value, str)
        else value
        for key, value in event.items()
    }
