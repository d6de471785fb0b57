"""The tables of the file that keeps sessions, as steps from each version to the next.

Whatever people said is in `words` and nowhere else, and no row of `words` is moved, grown or
removed while the store runs: a text that changes becomes a new row at the end, and the old one is
overwritten with zeros where it is. The reason is in SQLite's B-trees: when rows are moved from one
page to another, as with most insertions and removals, a copy can stay behind in the unused part of
a page, even with `secure_delete`, and outlive the row (seen with 5 of 10,000 removed rows). For the
same reason there is no FTS5 table: its index keeps removed words until all of it is merged (always
before SQLite 3.42), and can leave copies in the same way. Even removing rows of zeros moves their
neighbours (up to 8 of 2,000 deleted words stayed behind). So the zeros stay, and searches pass them
by, until `SqliteStore` compacts the file at its start with ``VACUUM``, which writes all pages anew.
What can stay behind for so long is a copy of a deleted session's ids, times and counts, which are
in usual tables.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x766F6963  # "voic"
"""Tells our files from other programs' SQLite files."""

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        # AUTOINCREMENT: the number of a session that was deleted stays in its zeroed words.
        """
        CREATE TABLE session (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            session_id TEXT NOT NULL UNIQUE,
            user_id TEXT NOT NULL,
            secret_hash BLOB NOT NULL,
            title INTEGER REFERENCES words (id),
            status TEXT NOT NULL,
            created_at TEXT NOT NULL,
            last_active_at TEXT NOT NULL,
            subprocess_pid INTEGER,
            message_count INTEGER NOT NULL,
            total_cost_usd REAL NOT NULL,
            is_resumable INTEGER NOT NULL,
            terminated_reason TEXT,
            client_seq INTEGER NOT NULL,
            stream INTEGER,
            samples INTEGER NOT NULL,
            last_turn INTEGER NOT NULL
        )
        """,
        "CREATE INDEX session_of_user ON session (user_id, last_active_at, session_id)",
        """
        CREATE INDEX session_alive ON session (last_active_at, session_id)
        WHERE status NOT IN ('expired', 'terminated')
        """,
        """
        CREATE INDEX session_ended ON session (last_active_at, session_id)
        WHERE status IN ('expired', 'terminated')
        """,
        # `heard` counts characters of the text; where what was heard is no beginning of it, it is
        # NULL, and `words.heard` has it.
        """
        CREATE TABLE message (
            session INTEGER NOT NULL REFERENCES session (id),
            turn INTEGER NOT NULL,
            speaker TEXT NOT NULL,
            words INTEGER NOT NULL REFERENCES words (id),
            heard INTEGER,
            origin TEXT NOT NULL,
            status TEXT NOT NULL,
            at TEXT NOT NULL,
            client_seq INTEGER,
            PRIMARY KEY (session, turn, speaker DESC)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX message_open ON message (session) WHERE status = 'open'",
        # `folded` is what a search looks into. Rows of zeros are BLOBs.
        """
        CREATE TABLE words (
            id INTEGER PRIMARY KEY,
            session INTEGER NOT NULL,
            text TEXT NOT NULL,
            heard TEXT NOT NULL,
            folded TEXT NOT NULL
        )
        """,
        "CREATE INDEX words_of_session ON words (session)",
        # One row: whether rows of `words` were removed and the file is not compacted yet.
        "CREATE TABLE upkeep (vacuum_due INTEGER NOT NULL)",
        "INSERT INTO upkeep VALUES (0)",
    ),
    (
        # So that a search reads no rows of zeros, however many there are.
        "DROP INDEX words_of_session",
        "CREATE INDEX words_of_session ON words (session, typeof(text))",
    ),
)
"""Each brings a file from the version of its index to the next, in one transaction."""

ALIVE: Final = "status NOT IN ('expired', 'terminated')"
ENDED: Final = "status IN ('expired', 'terminated')"
"""Written as in the indexes: SQLite uses a partial index only where it sees the same words."""
SAID: Final = "typeof(text) = 'text'"
"""Of `words`: rows that are not zeros; likewise."""
