"""Makes a batch of changes so that one damaged session keeps no other from being kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import structlog

from voicechat.session.store import changing, failures
from voicechat.session.store.ports import session_id_of
from voicechat.session.store.transactions import part, transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from voicechat.session.store.ports import Change

log = structlog.get_logger()


@attrs.frozen
class Made:
    """What has become of a batch.

    Attributes:
        lost: Sessions whose changes could not be made.
        erased: Whether words of a deleted session may still be in the log.
    """

    lost: frozenset[str]
    erased: bool


def make(db: sqlite3.Connection, changes: Sequence[Change]) -> Made:
    """Make all changes in one transaction, but for those of sessions that are damaged.

    Raises:
        sqlite3.Error: The disk or the whole file does not work; nothing is made.
    """
    try:
        with transaction(db):
            return Made(frozenset(), erased=_make(db, changes))
    except Exception as error:
        if not failures.is_of_row(error):
            raise
    with transaction(db):
        return _session_by_session(db, changes)


def _session_by_session(db: sqlite3.Connection, changes: Sequence[Change]) -> Made:
    of_session: dict[str, list[Change]] = {}
    for each in changes:
        of_session.setdefault(session_id_of(each), []).append(each)
    lost: set[str] = set()
    erased = False
    for session_id, its in of_session.items():
        try:
            with part(db):
                erased |= _make(db, its)
        except Exception as error:
            whole_file = failures.is_of_file(error) and len(lost) + 1 == len(of_session)
            if whole_file or not failures.is_of_row(error):
                raise
            lost.add(session_id)
            told = failures.told(error)
            log.error("a session cannot be kept", session_id=session_id, changes=len(its), **told)  # noqa: TRY400  (its text can hold words)
    return Made(frozenset(lost), erased)


def _make(db: sqlite3.Connection, changes: Iterable[Change]) -> bool:
    erased = False
    for each in changes:
        erased |= changing.change(db, each)
    return erased
