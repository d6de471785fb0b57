-- A file of version 1 as it was when that was the newest: never to be changed.
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
);
CREATE INDEX session_of_user ON session (user_id, last_active_at, session_id);
CREATE INDEX session_alive ON session (last_active_at, session_id)
WHERE status NOT IN ('expired', 'terminated');
CREATE INDEX session_ended ON session (last_active_at, session_id)
WHERE status IN ('expired', 'terminated');
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
) WITHOUT ROWID;
CREATE INDEX message_open ON message (session) WHERE status = 'open';
CREATE TABLE words (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    text TEXT NOT NULL,
    heard TEXT NOT NULL,
    folded TEXT NOT NULL
);
CREATE INDEX words_of_session ON words (session);
CREATE TABLE upkeep (vacuum_due INTEGER NOT NULL);
INSERT INTO upkeep VALUES (0);
INSERT INTO words VALUES (1, 1, 'Title', '', ' title '), (2, 1, 'Hello', '', ' hello '),
                         (3, 1, 'Hi there', '', ' hi there ');
INSERT INTO session VALUES (1, 's1', 'u1', x'07', 1, 'terminated',
    '2026-03-04T10:00:00.000000+00:00', '2026-03-04T10:00:05.000000+00:00', NULL, 2, 0.25, 1,
    'closed', 3, 1, 1600, 1);
INSERT INTO message VALUES (1, 1, 'user', 2, 0, 'text', 'complete',
    '2026-03-04T10:00:04.000000+00:00', 3);
INSERT INTO message VALUES (1, 1, 'assistant', 3, 2, 'text', 'interrupted',
    '2026-03-04T10:00:05.000000+00:00', NULL);
PRAGMA application_id = 1987012963;
PRAGMA user_version = 1;
