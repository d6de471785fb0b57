/** What the conversation consists of: one entry for each thing that was said. */

import type { Origin, StopReason, TurnTimings, TurnTrace } from "../protocol/messages";

export interface UserEntry {
  kind: "user";
  id: string;
  text: string;
  via: "voice" | "text";
  /**
   * `sending`: the server may not have it yet. `refused`: heard, but not understood. `failed`: the
   * server did not take it. `open`: taken for all that was to be said, but the user went on.
   */
  status: "sending" | "sent" | "refused" | "failed" | "open";
  turn: number | null;
  /** The session that `turn` is of. */
  session: string;
  clientSeq: number | null;
}

export interface AssistantEntry {
  kind: "assistant";
  id: string;
  turn: number;
  text: string;
  origin: Origin;
  /** `lost`: the server ended before the answer was there. */
  status: "streaming" | "complete" | "stopped" | "failed" | "lost";
  /** Why it stopped; null where the server does not say. */
  reason: StopReason | null;
  timings: TurnTimings | null;
  /** All that the server can tell about the turn, once it has ended. */
  trace: TurnTrace | null;
  failure: { message: string; advice: string; reference: string } | null;
}

export type Entry = UserEntry | AssistantEntry;

/** Older entries are let go, so that a page left open for weeks stays quick. */
export const KEEP_ENTRIES = 400;

/** The id of the entry that answers `turn`. */
export function answerId(session: string, turn: number): string {
  return `a${session}.${turn}`;
}

/** Whether it says by voice what the page shows in another way. */
export function isNotice(entry: Entry): boolean {
  return entry.kind === "assistant" && entry.origin === "notice";
}
