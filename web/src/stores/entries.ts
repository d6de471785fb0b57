/** What the conversation consists of: one entry for each thing that was said. */

import type { Origin, StopReason, TurnTimings, TurnTrace } from "../protocol/messages";

export interface UserEntry {
  kind: "user";
  id: string;
  text: string;
  via: "voice" | "text";
  /**
   * `refused`: heard, but not understood. `failed`: the server did not take it. `open`: taken for
   * all that was to be said, but the user went on.
   */
  status: "sending" | "sent" | "refused" | "failed" | "open";
  turn: number | null;
  /** The session that `turn` is of. */
  session: number;
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
  /** All that the server can tell about the turn, once it has ended. */
  trace: TurnTrace | null;
  failure: { message: string; advice: string; reference: string } | null;
}

export type Entry = UserEntry | AssistantEntry;

/** Whether it says by voice what the page shows in another way. */
export function isNotice(entry: Entry): boolean {
  return entry.kind === "assistant" && entry.origin === "notice";
}
