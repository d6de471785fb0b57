/** What a list of conversations says of each: its name, how long ago it was, where words were found. */

import type { ConnectionState } from "../client/connection";
import type { SessionInfo } from "../protocol/messages";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** From so many days on a date says more than their number. */
const DATE_FROM = 7;
const UNNAMED = "New conversation";

export interface SnippetPart {
  text: string;
  /** It is a word that was looked for. */
  found: boolean;
}

export function titleOf(session: Pick<SessionInfo, "title">): string {
  const title = session.title.trim();
  return title === "" ? UNNAMED : title;
}

/**
 * How long ago something was, in as few words as will do.
 *
 * @param at ISO 8601 with zone.
 * @param now ms since 1970.
 * @returns nothing where `at` is no time.
 */
export function relativeTime(at: string, now: number): string {
  const then = new Date(at);
  const past = now - then.getTime();
  if (Number.isNaN(past)) return "";
  // The server's clock may be ahead of this one.
  if (past < MINUTE) return "just now";
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min ago`;
  if (past < DAY) return `${Math.floor(past / HOUR)} h ago`;
  const days = Math.floor(past / DAY);
  if (days < DATE_FROM) return days === 1 ? "1 day ago" : `${days} days ago`;
  const sameYear = then.getFullYear() === new Date(now).getFullYear();
  return then.toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    ...(sameYear ? {} : { year: "numeric" }),
  });
}

/** Date and time in full. */
export function fullTime(at: string): string {
  const then = new Date(at);
  if (Number.isNaN(then.getTime())) return "";
  return then.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

/** Parts a snippet at the words that were found, which stand in `[` and `]`. */
export function snippetParts(snippet: string): SnippetPart[] {
  const parts: SnippetPart[] = [];
  let from = 0;
  const add = (text: string, found: boolean): void => {
    if (text !== "") parts.push({ text, found });
  };
  for (const match of snippet.matchAll(/\[([^[\]]+)\]/g)) {
    add(snippet.slice(from, match.index), false);
    add(match[1] ?? "", true);
    from = match.index + match[0].length;
  }
  add(snippet.slice(from), false);
  return parts;
}

/**
 * The sessions in an order that was shown before, so that nothing moves under a hand.
 *
 * @param order ids as they were shown; sessions that are not among them come first.
 */
export function inOrder<T extends Pick<SessionInfo, "session_id">>(
  sessions: readonly T[],
  order: readonly string[] | null,
): readonly T[] {
  if (order === null) return sessions;
  const place = new Map(order.map((id, index) => [id, index]));
  const placeOf = (session: T): number => place.get(session.session_id) ?? -1;
  return sessions.toSorted((one, other) => placeOf(one) - placeOf(other));
}

/**
 * Why there is no conversation to be seen.
 *
 * @param available the server can be asked for them.
 * @param full it has no place for this page.
 */
export function describeEmpty(connection: ConnectionState, available: boolean, full: boolean): string {
  if (connection.phase === "offline") {
    return connection.reason === "gave_up"
      ? "Your conversations appear when the server is there."
      : "Your conversations appear when this page is connected.";
  }
  if (full) return "The server is full. Your conversations appear when it has a place for you.";
  return available ? "What you say will be kept here." : "Your conversations appear when the server is there.";
}
