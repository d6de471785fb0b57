/** The conversation as the server has kept it, in place of what this page has. Pure. */

import type { HistoryEntry, SessionReady, SessionRestored } from "../protocol/messages";
import type { Conversation } from "./conversation";
import { answerId, KEEP_ENTRIES, type AssistantEntry, type Entry, type UserEntry } from "./entries";

const NOT_MADE = {
  message: "The answer could not be made.",
  advice: "Ask again, or look into the server's log for the reason.",
  reference: "",
};

/** A new session: empty, but for what is still to be said in it. */
export function begun(state: Conversation, { session_id }: SessionReady): Conversation {
  const entries = unsent(state, 0).map((entry) => ({ ...entry, session: session_id }));
  return { ...state, entries, partial: null, activeTurn: null, session: session_id };
}

/** A session that was there before: with `history` that is all there is of it. */
export function restored(state: Conversation, event: SessionRestored): Conversation {
  const { history, session_id, client_seq } = event;
  if (history === null) return { ...state, session: session_id };
  const before = new Map(state.entries.map((entry) => [keyOf(entry), entry]));
  let nextId = state.nextId;
  const kept = history.map((each): Entry => {
    if (each.speaker === "assistant") {
      const id = answerId(session_id, each.turn);
      return answer(id, each, before.get(`assistant ${each.turn}`));
    }
    const known = before.get(`user ${each.turn}`);
    return question(known?.id ?? `u${nextId++}`, each, session_id);
  });
  const waiting = unsent(state, client_seq).map((entry) => ({ ...entry, session: session_id }));
  const open = kept.findLast((entry) => entry.status === "streaming");
  return {
    ...state,
    entries: [...kept, ...waiting].slice(-KEEP_ENTRIES),
    partial: null,
    activeTurn: open?.kind === "assistant" ? open.turn : null,
    session: session_id,
    nextId,
  };
}

/** Typed, and not taken by the server, which has taken all up to `clientSeq`. */
function unsent(state: Conversation, clientSeq: number): UserEntry[] {
  return state.entries.filter(
    (entry): entry is UserEntry => entry.status === "sending" && (entry.clientSeq ?? 0) > clientSeq,
  );
}

function keyOf(entry: Entry): string {
  return `${entry.kind} ${entry.turn}`;
}

function question(id: string, each: HistoryEntry, session: string): UserEntry {
  return {
    kind: "user",
    id,
    text: each.text,
    via: each.origin === "voice" ? "voice" : "text",
    status: each.status === "failed" ? "failed" : "sent",
    turn: each.turn,
    session,
    clientSeq: null,
  };
}

const STATUS = {
  open: "streaming",
  complete: "complete",
  interrupted: "stopped",
  failed: "failed",
  lost: "lost",
} as const;

/** @param known what this page had of the same answer. */
function answer(id: string, each: HistoryEntry, known: Entry | undefined): AssistantEntry {
  const before = known?.kind === "assistant" && known.id === id ? known : null;
  const failed = each.status === "failed";
  // A server that ended early may have kept less of an answer than it had sent.
  const more = each.status === "lost" && before !== null && before.text.length > each.text.length;
  return {
    kind: "assistant",
    id,
    turn: each.turn,
    text: more ? before.text : each.text,
    origin: each.origin,
    status: STATUS[each.status],
    reason: each.status === "interrupted" ? (before?.reason ?? null) : null,
    timings: before?.timings ?? null,
    trace: before?.trace ?? null,
    failure: failed ? (before?.failure ?? NOT_MADE) : null,
  };
}
