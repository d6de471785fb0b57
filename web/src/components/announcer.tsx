/** Reads whole answers to a screen reader: a live region over streamed text would stutter. */

import { useConversation } from "./context";
import type { Entry } from "../stores/entries";

export function Announcer() {
  const text = useConversation((state) => spoken(state.entries.at(-1)));
  return (
    <p className="sr-only" aria-live="polite" aria-atomic="true">
      {text}
    </p>
  );
}

/** What there is to say about the newest entry; empty while it is not final. */
export function spoken(entry: Entry | undefined): string {
  if (entry === undefined) return "";
  if (entry.kind === "user") {
    if (entry.status === "refused") return `Not understood: ${entry.text}`;
    if (entry.status === "open") return "";
    if (entry.status === "failed") return "Your message was not delivered.";
    return entry.via === "voice" ? `You said: ${entry.text}` : "";
  }
  switch (entry.status) {
    case "streaming":
      return "";
    case "complete":
      return entry.text;
    case "stopped":
      return "The answer was stopped.";
    case "failed":
      return `${entry.failure?.message ?? "The answer failed."} ${entry.failure?.advice ?? ""}`;
  }
}
