/** What was said: a pure reducer over the server's messages, and the store around it. */

import { createStore } from "zustand/vanilla";
import type { Origin, ServerMessage, TranscriptFinal } from "../protocol/messages";
import { answerId, KEEP_ENTRIES, type AssistantEntry, type Entry, type UserEntry } from "./entries";
import { begun, restored } from "./history";

export interface Conversation {
  entries: readonly Entry[];
  /** Words while they are spoken; null when nobody speaks. */
  partial: string | null;
  /** The answer that is being generated. */
  activeTurn: number | null;
  /** Id of the session: turn numbers are unique only within one. Empty before the first. */
  session: string;
  nextId: number;
}

/** What happens on this side of the wire. */
export type LocalEvent =
  /** `clientSeq` is null as long as it has no number: there is no session to say it in. */
  | { type: "local_typed"; text: string; clientSeq: number | null }
  | { type: "local_disconnected" }
  /** What was typed is sent with other numbers, by the old ones. */
  | { type: "local_renumbered"; numbers: ReadonlyMap<number, number> }
  | { type: "local_stopped"; turn: number };

export type ConversationEvent = ServerMessage | LocalEvent;

export const EMPTY: Conversation = {
  entries: [],
  partial: null,
  activeTurn: null,
  session: "",
  nextId: 1,
};

export function reduce(state: Conversation, event: ConversationEvent): Conversation {
  switch (event.type) {
    case "session_ready":
      return begun(state, event);
    case "session_restored":
      return restored(state, event);
    case "session_terminated":
      return event.session_id === state.session ? ended(state) : state;
    case "speech_started":
      return { ...state, partial: state.partial ?? "" };
    case "transcript_partial":
      return { ...state, partial: event.text };
    case "transcript_final":
      return transcript(state, event);
    case "message_received":
      return patchUser(state, (each) => each.clientSeq === event.client_seq, {
        status: "sent",
        turn: event.turn,
      });
    case "turn_started":
      return begin(state, event.turn, event.origin);
    case "stream_delta":
      return patchAnswer(known(state, event.turn), event.turn, (entry) =>
        entry.status === "streaming" ? { text: entry.text + event.text } : {},
      );
    case "response_complete":
      // The assistant may choose to say nothing, as to an "uh-huh".
      if (event.text === "") return withoutAnswer(state, event.turn);
      return settle(known(state, event.turn), event.turn, (entry) => ({
        status: entry.status === "streaming" ? "complete" : entry.status,
        // A stopped answer keeps what had come when it was stopped.
        text: entry.status === "stopped" ? entry.text : event.text,
        timings: event.timings,
      }));
    case "stream_interrupted":
      if (event.reason === "reopened") return reopened(state, event.turn);
      return settle(state, event.turn, () => ({ status: "stopped", reason: event.reason }));
    case "turn_trace":
      return patchAnswer(state, event.turn, () => ({ trace: event }));
    case "stream_error":
      return settle(known(state, event.turn), event.turn, () => ({
        status: "failed",
        failure: {
          message: event.message,
          advice: event.suggested_action,
          reference: event.correlation_id,
        },
      }));
    case "error":
      // No message of ours caused it: it can be the end of what was being said.
      if (event.client_seq === null) return closed(state);
      return patchUser(state, (e) => e.clientSeq === event.client_seq && e.status === "sending", {
        status: "failed",
      });
    case "local_typed":
      return append(state, {
        kind: "user",
        id: `u${state.nextId}`,
        text: event.text,
        via: "text",
        status: "sending",
        turn: null,
        session: state.session,
        clientSeq: event.clientSeq,
      });
    case "local_stopped":
      return settle(state, event.turn, () => ({ status: "stopped", reason: "interrupted" }));
    case "local_renumbered":
      return renumbered(state, event.numbers);
    case "local_disconnected":
    case "input_ack":
    case "session_creating":
    case "session_list":
    case "session_restarting":
    case "session_warning":
    case "speech_ended":
    case "duck":
    case "pong":
    case "server_shutting_down":
    case "thermal":
    case "welcome":
      return state;
    default:
      // A server newer than this page: what it adds must not break what it had.
      return unknown(event, state);
  }
}

function unknown(_event: never, state: Conversation): Conversation {
  return state;
}

function append(state: Conversation, entry: Entry): Conversation {
  const entries = [...state.entries, entry].slice(-KEEP_ENTRIES);
  return { ...state, entries, nextId: state.nextId + 1 };
}

/** Nobody speaks any more: what was being said is all there is of it. */
function closed(state: Conversation): Conversation {
  const open = state.entries.some((entry) => entry.status === "open");
  if (state.partial === null && !open) return state;
  const after = open ? patchUser(state, (entry) => entry.status === "open", { status: "sent" }) : state;
  return { ...after, partial: null };
}

function transcript(before: Conversation, event: TranscriptFinal): Conversation {
  const state = closed(before);
  const { text, turn, replaces } = event;
  const status = event.accepted ? "sent" : "refused";
  const beginning = (entry: UserEntry): boolean =>
    replaces !== null && entry.turn === replaces && entry.session === state.session;
  if (state.entries.some((entry) => entry.kind === "user" && beginning(entry))) {
    // Words that were there before are better than none.
    return patchUser(state, beginning, { status, turn, ...(text !== "" && { text }) });
  }
  if (text === "" && event.accepted) return state;
  const { session, nextId } = state;
  const entry: UserEntry = {
    kind: "user",
    id: `u${nextId}`,
    text,
    via: "voice",
    status,
    turn,
    session,
    clientSeq: null,
  };
  // The answer may have begun already: the question still goes above it.
  const id = turn === null ? null : answerId(session, turn);
  const answer = state.entries.findIndex((each) => each.id === id);
  if (answer === -1) return append(state, entry);
  return { ...state, entries: state.entries.toSpliced(answer, 0, entry), nextId: nextId + 1 };
}

/** The user had not finished: nothing of the answer was heard, and the words go on. */
function reopened(state: Conversation, turn: number): Conversation {
  const question = (entry: UserEntry): boolean =>
    entry.turn === turn && entry.session === state.session;
  return patchUser(withoutAnswer(state, turn), question, { status: "open" });
}

function withoutAnswer(state: Conversation, turn: number): Conversation {
  const id = answerId(state.session, turn);
  const entries = state.entries.filter((entry) => entry.id !== id);
  return { ...state, entries, activeTurn: state.activeTurn === turn ? null : state.activeTurn };
}

function begin(state: Conversation, turn: number, origin: Origin): Conversation {
  const id = answerId(state.session, turn);
  if (state.entries.some((entry) => entry.id === id)) return { ...state, activeTurn: turn };
  const entry: AssistantEntry = {
    kind: "assistant",
    id,
    turn,
    text: "",
    origin,
    status: "streaming",
    reason: null,
    timings: null,
    trace: null,
    failure: null,
  };
  return append({ ...state, activeTurn: turn }, entry);
}

/** The state with an entry for `turn`, should its begin never have come. */
function known(state: Conversation, turn: number): Conversation {
  const id = answerId(state.session, turn);
  return state.entries.some((entry) => entry.id === id) ? state : begin(state, turn, "text");
}

function patchAnswer(
  state: Conversation,
  turn: number,
  change: (entry: AssistantEntry) => Partial<AssistantEntry>,
): Conversation {
  const id = answerId(state.session, turn);
  const at = state.entries.findLastIndex((entry) => entry.id === id);
  const entry = state.entries[at];
  if (entry?.kind !== "assistant") return state;
  return { ...state, entries: state.entries.with(at, { ...entry, ...change(entry) }) };
}

function patchUser(
  state: Conversation,
  match: (entry: UserEntry) => boolean,
  change: Partial<UserEntry>,
): Conversation {
  const at = state.entries.findLastIndex((entry) => entry.kind === "user" && match(entry));
  const entry = state.entries[at];
  if (entry?.kind !== "user") return state;
  return { ...state, entries: state.entries.with(at, { ...entry, ...change }) };
}

/** The answer to `turn` is over, one way or another. */
function settle(
  state: Conversation,
  turn: number,
  change: (entry: AssistantEntry) => Partial<AssistantEntry>,
): Conversation {
  const after = patchAnswer(state, turn, change);
  return after.activeTurn === turn ? { ...after, activeTurn: null } : after;
}

/** The session is over, and nothing that was under way will be there. */
function ended(state: Conversation): Conversation {
  const entries = closed(state).entries.map((entry): Entry =>
    entry.status === "streaming" ? { ...entry, status: "stopped" } : entry,
  );
  return { ...state, entries, partial: null, activeTurn: null };
}

function renumbered(state: Conversation, numbers: ReadonlyMap<number, number>): Conversation {
  const entries = state.entries.map((entry): Entry => {
    if (entry.status !== "sending" || entry.clientSeq === null) return entry;
    return { ...entry, clientSeq: numbers.get(entry.clientSeq) ?? entry.clientSeq };
  });
  return { ...state, entries };
}

/** What was typed last, delivered or not; null: nothing yet. */
export function lastTyped(state: Conversation): string | null {
  const entry = state.entries.findLast((each) => each.kind === "user" && each.via === "text");
  return entry?.text ?? null;
}

/** What the user said to begin `turn`; null: nothing that could be said again. */
export function questionOf(state: Conversation, turn: number): string | null {
  const entry = state.entries.findLast(
    (each) => each.kind === "user" && each.turn === turn && each.text !== "",
  );
  return entry?.text ?? null;
}

export function createConversationStore() {
  const store = createStore<Conversation>(() => EMPTY);
  return {
    ...store,
    apply: (event: ConversationEvent) => store.setState((state) => reduce(state, event)),
  };
}

export type ConversationStore = ReturnType<typeof createConversationStore>;
