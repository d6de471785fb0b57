/** What was said: a pure reducer over the server's messages, and the store around it. */

import { createStore } from "zustand/vanilla";
import type { Origin, ServerMessage, StopReason, TurnTimings } from "../protocol/messages";

/** Older entries are let go, so that a page left open for weeks stays quick. */
const KEEP_ENTRIES = 400;

export interface UserEntry {
  kind: "user";
  id: string;
  text: string;
  via: "voice" | "text";
  /** `refused`: heard, but not understood. `failed`: the server did not take it. */
  status: "sending" | "sent" | "refused" | "failed";
  turn: number | null;
  clientSeq: number | null;
}

export interface AssistantEntry {
  kind: "assistant";
  id: string;
  turn: number;
  text: string;
  origin: Origin;
  status: "streaming" | "complete" | "stopped" | "failed";
  /** Why it stopped: the server's reason, or the loss of the connection. */
  reason: StopReason | "connection" | null;
  timings: TurnTimings | null;
  failure: { message: string; advice: string; reference: string } | null;
}

export type Entry = UserEntry | AssistantEntry;

export interface Conversation {
  entries: readonly Entry[];
  /** Words while they are spoken; null when nobody speaks. */
  partial: string | null;
  /** The answer that is being generated. */
  activeTurn: number | null;
  /** Counts sessions: turn numbers are unique only within one. */
  session: number;
  nextId: number;
}

/** What happens on this side of the wire. */
export type LocalEvent =
  | { type: "local_typed"; text: string; clientSeq: number }
  | { type: "local_disconnected" }
  | { type: "local_stopped"; turn: number };

export type ConversationEvent = ServerMessage | LocalEvent;

export const EMPTY: Conversation = {
  entries: [],
  partial: null,
  activeTurn: null,
  session: 0,
  nextId: 1,
};

export function reduce(state: Conversation, event: ConversationEvent): Conversation {
  switch (event.type) {
    case "welcome":
      return { ...state, session: state.session + 1, activeTurn: null, partial: null };
    case "speech_started":
      return { ...state, partial: state.partial ?? "" };
    case "transcript_partial":
      return { ...state, partial: event.text };
    case "transcript_final":
      return transcript({ ...state, partial: null }, event.text, event.accepted, event.turn);
    case "message_received":
      return patchUser(state, (entry) => entry.clientSeq === event.client_seq, {
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
      return settle(known(state, event.turn), event.turn, (entry) => ({
        status: entry.status === "streaming" ? "complete" : entry.status,
        // A stopped answer keeps what had come when it was stopped.
        text: entry.status === "stopped" ? entry.text : event.text,
        timings: event.timings,
      }));
    case "stream_interrupted":
      return settle(state, event.turn, () => ({ status: "stopped", reason: event.reason }));
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
      if (event.client_seq === null) return state.partial === null ? state : { ...state, partial: null };
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
        clientSeq: event.clientSeq,
      });
    case "local_stopped":
      return settle(state, event.turn, () => ({ status: "stopped", reason: "interrupted" }));
    case "local_disconnected":
      return disconnected(state);
    case "speech_ended":
    case "pong":
    case "server_shutting_down":
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

function transcript(
  state: Conversation,
  text: string,
  accepted: boolean,
  turn: number | null,
): Conversation {
  if (text === "" && accepted) return state;
  const entry: UserEntry = {
    kind: "user",
    id: `u${state.nextId}`,
    text,
    via: "voice",
    status: accepted ? "sent" : "refused",
    turn,
    clientSeq: null,
  };
  // The answer may have begun already: the question still goes above it.
  const answer = turn === null ? -1 : state.entries.findIndex((e) => e.id === answerId(state, turn));
  if (answer === -1) return append(state, entry);
  return {
    ...state,
    entries: state.entries.toSpliced(answer, 0, entry),
    nextId: state.nextId + 1,
  };
}

function answerId(state: Conversation, turn: number): string {
  return `a${state.session}.${turn}`;
}

function begin(state: Conversation, turn: number, origin: Origin): Conversation {
  const id = answerId(state, turn);
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
    failure: null,
  };
  return append({ ...state, activeTurn: turn }, entry);
}

/** The state with an entry for `turn`, should its begin never have come. */
function known(state: Conversation, turn: number): Conversation {
  const id = answerId(state, turn);
  return state.entries.some((entry) => entry.id === id) ? state : begin(state, turn, "text");
}

function patchAnswer(
  state: Conversation,
  turn: number,
  change: (entry: AssistantEntry) => Partial<AssistantEntry>,
): Conversation {
  const id = answerId(state, turn);
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

function disconnected(state: Conversation): Conversation {
  const entries = state.entries.map((entry): Entry => {
    if (entry.kind === "user") {
      const lost = entry.status === "sending";
      // Client sequences begin anew with the next connection.
      return lost ? { ...entry, status: "failed", clientSeq: null } : { ...entry, clientSeq: null };
    }
    return entry.status === "streaming"
      ? { ...entry, status: "stopped", reason: "connection" }
      : entry;
  });
  return { ...state, entries, partial: null, activeTurn: null };
}

/** What was typed last, delivered or not; null: nothing yet. */
export function lastTyped(state: Conversation): string | null {
  const entry = state.entries.findLast((each) => each.kind === "user" && each.via === "text");
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
