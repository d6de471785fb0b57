/** For tests: what a server says, and the conversation that comes of it. */

import type {
  HistoryEntry,
  SessionReady,
  SessionRestored,
  TranscriptFinal,
  TurnTimings,
  TurnTrace,
  Welcome,
} from "../protocol/messages";
import { EMPTY, reduce, type Conversation, type ConversationEvent } from "./conversation";

export const TIMINGS: TurnTimings = {
  endpoint_ms: 500,
  stt_final_ms: 506,
  first_token_ms: 507,
  first_audio_ms: 520,
  first_played_ms: 580,
};

export const WELCOME: Welcome = {
  type: "welcome",
  protocol: 1,
  server: "0.1.0",
  input_rate: 16000,
  output_rate: 48000,
  patience: 0.5,
  max_text: 32000,
  max_audio_bytes: 65536,
  recognizer: { kind: "commands", examples: [], hint: "" },
  user_key: "u",
};

/** A session begins. */
export function ready(session_id = "s"): SessionReady {
  return { type: "session_ready", session_id, secret: "x", epoch: "e", created_at: "2026-11-21T20:00:00Z" };
}

/** A session goes on; with `history`, from what the server has kept. */
export function restored(
  history: Partial<HistoryEntry>[] | null,
  more: Partial<SessionRestored> = {},
): SessionRestored {
  return {
    type: "session_restored",
    session_id: "s",
    secret: "x",
    epoch: "e",
    seq: 9,
    title: "",
    client_seq: 0,
    own_seq: 0,
    stream: null,
    samples: 0,
    history: history?.map((each) => ({ ...SAID, ...each })) ?? null,
    speech_lost: false,
    truncated: false,
    ...more,
  };
}

const SAID: HistoryEntry = {
  turn: 1,
  speaker: "user",
  text: "",
  origin: "text",
  status: "complete",
  at: "2026-11-21T20:00:00Z",
  client_seq: null,
};

export function heard(text: string, turn: number | null, more: Partial<TranscriptFinal> = {}): TranscriptFinal {
  return {
    type: "transcript_final",
    text,
    accepted: true,
    turn,
    confidence: null,
    replaces: null,
    stream: null,
    until: 0,
    ...more,
  };
}

export const TRACE: TurnTrace = {
  type: "turn_trace",
  turn: 1,
  origin: "voice",
  outcome: "interrupted",
  timings: TIMINGS,
  endpoint: "complete",
  pause_ms: 180,
  stopped: "barge_in",
  speculation: "none",
  drafts_dropped: 0,
  false_alarms: 0,
  replaces: null,
  speech_ms: 900,
  text_chars: 15,
  heard_chars: 4,
  audio_ms: 1500,
  played_ms: 400,
  cooling_ms: 0,
};

export function play(...events: ConversationEvent[]): Conversation {
  return events.reduce(reduce, EMPTY);
}

export const texts = (state: Conversation) => state.entries.map((entry) => [entry.kind, entry.text, entry.status]);
