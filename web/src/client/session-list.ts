/** The list of this user's sessions: asked for, searched, and changed by the sidebar. */

import type { ClientMessage, ServerMessage } from "../protocol/messages";
import type { SessionsStore } from "../stores/sessions";

/** Answers change the list; it is asked for no more often than this, in ms. */
export const REFRESH_MS = 2_000;
/** What the server takes, in characters. */
const MAX_TITLE = 120;
const MAX_QUERY = 200;

export type ExportFormat = "markdown" | "json";

export class SessionList {
  private refreshing: ReturnType<typeof setTimeout> | undefined;
  private asked = -Infinity;
  /** Whose end is no surprise here. */
  private readonly destroyed = new Set<string>();

  constructor(
    private readonly store: SessionsStore,
    private readonly send: (message: ClientMessage) => boolean,
  ) {}

  /** Follow what the server says. */
  apply(message: ServerMessage): void {
    this.store.apply(message);
    switch (message.type) {
      case "session_ready":
      case "session_restored":
      case "session_terminated":
        this.refresh();
        break;
      case "turn_started": // a conversation is listed from its first words on
      case "response_complete":
        this.refreshSoon();
        break;
      default:
        break;
    }
  }

  refresh(): void {
    clearTimeout(this.refreshing);
    this.refreshing = undefined;
    this.asked = performance.now();
    this.send({ type: "list_sessions" });
    const { query } = this.store.getState();
    if (query !== "") this.send({ type: "list_sessions", query });
  }

  /** As `refresh`, but no more often than is of use: somebody looks at it again. */
  refreshSoon(): void {
    const wait = this.asked + REFRESH_MS - performance.now();
    if (wait <= 0) this.refresh();
    else this.refreshing ??= setTimeout(() => this.refresh(), wait);
  }

  /** Whether this page has deleted it. */
  hasDestroyed(id: string): boolean {
    return this.destroyed.has(id);
  }

  /** The connection is gone: what was to be asked is asked with the next one. */
  rest(): void {
    clearTimeout(this.refreshing);
    this.refreshing = undefined;
  }

  /** Look for words in everything that was said; empty: show all sessions again. */
  search(words: string): void {
    const query = words.trim().slice(0, MAX_QUERY);
    this.store.setQuery(query);
    if (query !== "") this.send({ type: "list_sessions", query });
  }

  rename(id: string, text: string): void {
    const title = text.trim().slice(0, MAX_TITLE);
    if (title === "" || !this.send({ type: "rename_session", session_id: id, title })) return;
    this.store.rename(id, title);
    this.refresh();
  }

  destroy(id: string): void {
    if (!this.send({ type: "destroy_session", session_id: id })) return;
    this.destroyed.add(id);
    this.store.remove(id);
    this.refresh();
  }
}

/** Fetch all that was said in a session, and hand it to the browser as a file; whether that went well. */
export async function saveExport(id: string, format: ExportFormat, userKey: string): Promise<boolean> {
  const path = `/api/v1/sessions/${encodeURIComponent(id)}/export?format=${format}`;
  let file: Blob;
  try {
    const answer = await fetch(path, { headers: { Authorization: `Bearer ${userKey}` } });
    if (!answer.ok) return false;
    file = await answer.blob();
  } catch {
    return false; // the server is away
  }
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = `conversation-${id.slice(0, 8)}.${format === "json" ? "json" : "md"}`;
  link.click();
  // Released once the browser has taken it.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  return true;
}
