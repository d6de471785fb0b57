/** A new conversation, a search, and those that there are. */

import { useEffect, useState, type KeyboardEvent } from "react";
import type { SessionInfo } from "../protocol/messages";
import { useClient, useConnection, useSessions } from "./context";
import { PlusIcon, SearchIcon } from "./icons";
import { SessionItem, type Doing } from "./sessions-item";
import { nextPlace } from "./sessions-menu";
import { describeEmpty, inOrder } from "./sessions-words";

/** So long after the last key a search begins, in ms. */
const SEARCH_AFTER_MS = 200;
/** The server takes no longer search, in characters. */
const MAX_QUERY = 200;
/** "5 min ago" is looked at again so often, in ms. */
const TICK_MS = 20_000;
/** Stands for the session that is still to be made. */
const NEW = "";

interface Held {
  id: string;
  doing: Doing;
  /** The ids as they stood when it began. */
  order: readonly string[];
}

/** @param onChosen called when another conversation, or a new one, was chosen. */
export function SessionsList({ onChosen }: { onChosen?: () => void }) {
  const client = useClient();
  const available = useSessions((state) => state.available);
  const switching = useSessions((state) => state.switching);
  const full = useSessions((state) => state.full);
  const connection = useConnection((state) => state.connection);
  const current = useSessions((state) => state.current);
  const search = useSearch();
  const now = useNow();
  const [chosen, setChosen] = useState<string | null>(null);
  // Where somebody renames, or is about to delete, nothing moves.
  const [begun, setBegun] = useState<Held | null>(null);
  const there = search.sessions.some((session) => session.session_id === begun?.id);
  const held = there ? begun : null;
  const sessions = inOrder(search.sessions, held?.order ?? null);

  // Another page may have changed it while it was not to be seen here.
  useEffect(() => client.refreshSessions(), [client]);

  const create = (): void => {
    if (!available) return;
    setChosen(NEW);
    client.createSession();
    onChosen?.();
  };

  const choose = (id: string): void => {
    if (id !== current) {
      if (!available) return;
      setChosen(id);
      client.switchSession(id);
    }
    onChosen?.();
  };

  const hold = (id: string, doing: Doing | null): void => {
    setBegun((before) => {
      if (doing !== null) return { id, doing, order: sessions.map((each) => each.session_id) };
      return before?.id === id ? null : before;
    });
  };

  return (
    <>
      <div className="sessions-top">
        <button
          type="button"
          className="solid session-new"
          aria-disabled={!available}
          aria-busy={switching && chosen === NEW}
          onClick={create}
          data-testid="session-new"
        >
          <PlusIcon />
          New conversation
        </button>
        <SearchField text={search.text} onText={search.setText} />
      </div>
      <p className="sr-only" role="status">
        {search.answered && describeCount(search.sessions.length)}
      </p>
      {sessions.length === 0 ? (
        <p className="sessions-empty" data-testid="sessions-empty">
          {search.answered
            ? `Nothing found for “${search.text.trim()}”.`
            : describeEmpty(connection, available, full)}
        </p>
      ) : (
        <ul className="sessions-list" onKeyDown={moveFocus}>
          {sessions.map((session) => (
            <SessionItem
              key={session.session_id}
              session={session}
              now={now}
              current={session.session_id === current}
              busy={switching && session.session_id === chosen}
              available={available}
              doing={held?.id === session.session_id ? held.doing : null}
              onDoing={(doing) => hold(session.session_id, doing)}
              onChoose={() => choose(session.session_id)}
            />
          ))}
        </ul>
      )}
    </>
  );
}

/** Arrows, Home and End go from one conversation to another. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const all = Array.from(event.currentTarget.querySelectorAll<HTMLElement>(".choose"));
  const at = all.findIndex((each) => each === event.target);
  const next = at < 0 ? null : nextPlace(event.key, at, all.length);
  if (next === null) return;
  event.preventDefault(); // the list scrolls no further than to what has the focus
  all[next]?.focus();
}

function SearchField({ text, onText }: { text: string; onText: (text: string) => void }) {
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || event.nativeEvent.isComposing || text === "") return;
    event.preventDefault(); // the drawer stays
    onText("");
  };
  return (
    <div className="session-search">
      <SearchIcon />
      <input
        type="search"
        value={text}
        maxLength={MAX_QUERY}
        placeholder="Search"
        aria-label="Search conversations"
        autoComplete="off"
        enterKeyHint="search"
        onChange={(event) => onText(event.target.value)}
        onKeyDown={onKeyDown}
        data-testid="session-search"
      />
    </div>
  );
}

interface Search {
  text: string;
  setText: (text: string) => void;
  /** What is to be seen: what was found, or all where nothing is looked for. */
  sessions: readonly SessionInfo[];
  /** These are what was found for the words that stand there now. */
  answered: boolean;
}

function useSearch(): Search {
  const client = useClient();
  const list = useSessions((state) => state.list);
  const found = useSessions((state) => state.found);
  const asked = useSessions((state) => state.query);
  const available = useSessions((state) => state.available);
  const [text, setText] = useState(asked);
  const [last, setLast] = useState(found);
  const wanted = text.trim();
  // Until an answer is there, what stands there stays.
  const newest = wanted === "" ? null : (found ?? last);
  if (newest !== last) setLast(newest);

  useEffect(() => {
    if (!available || wanted === asked) return;
    const wait = wanted === "" ? 0 : SEARCH_AFTER_MS;
    const timer = setTimeout(() => client.searchSessions(wanted), wait);
    return () => clearTimeout(timer);
  }, [client, available, wanted, asked]);

  const answered = found !== null && wanted !== "" && wanted === asked;
  return { text, setText, sessions: newest ?? list, answered };
}

/** The time, in ms since 1970; not to the second. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function describeCount(count: number): string {
  return count === 1 ? "1 conversation found" : `${count} conversations found`;
}
