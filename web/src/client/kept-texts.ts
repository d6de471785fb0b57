/** What was typed and may not have reached the server: the tab keeps it, so that no reload loses it. */

import type { ServerMessage } from "../protocol/messages";
import type { Conversation, ConversationStore } from "../stores/conversation";
import { read, write } from "./storage";
import { MAX_TEXT_BYTES, MAX_TEXTS } from "./unsent";

const KEY = "voicechat.unsent";

interface KeptText {
  /** The number that it was sent with; null: it has not got one. */
  seq: number | null;
  text: string;
}

export class KeptTexts {
  /** Of before the reload, and what was typed since, until there is a session to say it in. */
  private waiting: KeptText[] = savedTexts();
  /** What the tab has. */
  private saved = JSON.stringify(this.waiting);

  constructor(private readonly conversation: ConversationStore) {
    for (const { text } of this.waiting) this.show(text);
    // Not only when the page goes: a tab that crashes is not told.
    conversation.subscribe((state) => this.save(state));
  }

  /** What is typed now is to be said behind what waits already. */
  get waits(): boolean {
    return this.waiting.length > 0;
  }

  /** Let one more text wait; false: there is no room. */
  add(text: string): boolean {
    const texts = [...this.waiting, { seq: null, text }];
    if (fitting(texts).length < texts.length) return false;
    this.waiting = texts;
    this.show(text);
    return true;
  }

  /** Follow the server: what stands in a session's history was taken before the reload. */
  apply(message: ServerMessage): void {
    if (message.type !== "session_restored" || message.history === null) return;
    const taken = new Set(
      message.history.flatMap(({ speaker, client_seq, text }) =>
        speaker === "user" && client_seq !== null ? [`${client_seq} ${text}`] : [],
      ),
    );
    this.waiting = this.waiting.filter(({ seq, text }) => !taken.has(`${seq} ${text}`));
  }

  /** There is a session: hand over what is to be said in it, in order. It waits no longer. */
  take(): string[] {
    const texts = this.waiting.map(({ text }) => text);
    this.waiting = [];
    return texts;
  }

  private show(text: string): void {
    this.conversation.apply({ type: "local_typed", text, clientSeq: null });
  }

  private save(state: Conversation): void {
    const texts = this.waits ? this.waiting : unsent(state);
    const saved = JSON.stringify(fitting(texts));
    if (saved === this.saved) return;
    this.saved = saved;
    write("session", KEY, texts.length === 0 ? null : saved);
  }
}

/** What the server has not told to be safe. */
function unsent({ entries }: Conversation): KeptText[] {
  return entries.flatMap((entry) =>
    entry.kind === "user" && entry.status === "sending" ? [{ seq: entry.clientSeq, text: entry.text }] : [],
  );
}

/** As many of them as may be kept, oldest first. */
function fitting(texts: readonly KeptText[]): KeptText[] {
  let room = MAX_TEXT_BYTES;
  const over = texts.findIndex(({ text }, at) => {
    room -= new TextEncoder().encode(text).length;
    return room < 0 || at >= MAX_TEXTS;
  });
  return over === -1 ? [...texts] : texts.slice(0, over);
}

function savedTexts(): KeptText[] {
  try {
    const value: unknown = JSON.parse(read("session", KEY) ?? "[]");
    return Array.isArray(value) ? fitting(value.filter(isKept)) : [];
  } catch {
    return []; // not ours, or spoilt
  }
}

function isKept(value: unknown): value is KeptText {
  if (typeof value !== "object" || value === null || !("text" in value && "seq" in value)) return false;
  const { seq, text } = value;
  return typeof text === "string" && text !== "" && (seq === null || typeof seq === "number");
}
