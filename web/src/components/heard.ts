/** Which part of an answer that was stopped has been heard. */

import type { AssistantEntry } from "../stores/entries";

export interface Heard {
  heard: string;
  /** Empty where all of it was heard, or where that is not known. */
  unheard: string;
}

/** Split the answer's text where its speech stopped; what came to an end is left whole. */
export function heardOf({ text, status, trace }: AssistantEntry): Heard {
  if (status !== "stopped" || trace === null) return { heard: text, unheard: "" };
  // The server counts characters; what JavaScript counts differs beyond the common ones (emoji).
  const unheard = Array.from(text).slice(trace.heard_chars).join("").trimStart();
  return { heard: text.slice(0, text.length - unheard.length), unheard };
}

const STOPPED: Record<NonNullable<AssistantEntry["reason"]>, string> = {
  interrupted: "Stopped",
  barge_in: "You interrupted",
  reopened: "You went on speaking",
  // Also where only its speech was cut short: its text can be whole.
  new_turn: "Interrupted by what you asked next",
  shutdown: "Stopped: the server is shutting down",
};

/** A history does not tell why; a server newer than this page may have reasons of its own. */
function reasonOf({ reason }: AssistantEntry): string {
  const words: Partial<Record<string, string>> = STOPPED;
  return words[reason ?? ""] ?? "Interrupted";
}

/** Why an answer stopped, and what the marks in it mean. */
export function describeStop(entry: AssistantEntry): string {
  const reason = reasonOf(entry);
  const { heard, unheard } = heardOf(entry);
  if (unheard === "") return reason;
  return heard.trim() === "" ? `${reason} before it was heard` : `${reason}. Dotted: not heard`;
}
