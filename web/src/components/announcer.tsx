/** Reads whole answers to a screen reader: a live region over streamed text would stutter. */

import { useConversation, useThermal } from "./context";
import { isNotice, type Entry } from "../stores/entries";

export function Announcer() {
  const text = useConversation((state) => spoken(state.entries.findLast((entry) => !isNotice(entry))));
  const waiting = useThermal((state) => state.announcement);
  return (
    <>
      <Polite text={text} />
      {/* A region of its own: when it empties, the newest entry must not be read again. */}
      <Polite text={waiting} />
    </>
  );
}

function Polite({ text }: { text: string }) {
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
    case "lost":
      return "The server stopped before the answer.";
    case "failed":
      return `${entry.failure?.message ?? "The answer failed."} ${entry.failure?.advice ?? ""}`;
  }
}
