/** Calls somebody back to a page that spoke by itself: the words stand in the tab's title. */

import type { ServerMessage } from "../protocol/messages";

const NAME = "voicechat";
/** Shown until the words come, and when there are none. */
const NO_WORDS = "Timer";
/** Tabs and task lists cut what is longer, in characters. */
const MAX_LENGTH = 80;

export interface AttentionOptions {
  /** Nobody looks at the page now. */
  away: () => boolean;
  setTitle: (title: string) => void;
}

export class Attention {
  /** The turn whose words are being shown, while they still come. */
  private turn: number | null = null;
  private words = "";
  private calling = false;

  constructor(private readonly options: AttentionOptions) {}

  /** Follow the turns that nobody asked for. */
  apply(message: ServerMessage): void {
    switch (message.type) {
      case "turn_started":
        if (message.origin === "assistant" && this.options.away()) this.call(message.turn);
        break;
      case "stream_delta":
        if (message.turn === this.turn) this.show(this.words + message.text);
        break;
      case "response_complete":
        if (message.turn === this.turn) this.show(message.text);
        break;
      case "session_ready":
      case "session_restored":
        // Turns may be of another session; what was missed is still to be seen.
        if (message.type === "session_ready" || message.history !== null) this.turn = null;
        break;
      default:
        break;
    }
  }

  /** Somebody looks at the page again. */
  seen(): void {
    if (!this.calling || this.options.away()) return;
    this.calling = false;
    this.turn = null;
    this.options.setTitle(NAME);
  }

  private call(turn: number): void {
    this.turn = turn;
    this.calling = true;
    this.show("");
  }

  private show(words: string): void {
    this.words = words;
    const line = words.replace(/\s+/g, " ").trim();
    const short = line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH - 1)}…` : line;
    this.options.setTitle(`${(short || NO_WORDS).replace(/\.$/, "")} — ${NAME}`);
  }
}
