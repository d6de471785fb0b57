/**
 * What this page has said in a session, numbered, until the server has it for certain. Pure.
 *
 * Both sides count from 1 without holes, so that nothing is lost or taken twice when the network
 * is.
 */

import type {
  AudioClose,
  AudioOpen,
  Interrupt,
  Settings,
  UserMessage,
} from "../protocol/messages";

/** Those that the server calls numbered. */
export type NumberedMessage = AudioClose | AudioOpen | Interrupt | Settings | UserMessage;

export interface Numbered {
  seq: number;
  message: NumberedMessage;
  /** It was given to a socket. */
  sent?: boolean;
}

/** So much typed text is kept; more would be forgotten by whoever typed it as well. */
export const MAX_TEXTS = 50;
export const MAX_TEXT_BYTES = 200_000;

export class Unsent {
  private kept: Numbered[] = [];
  private newest = 0;

  /** What the server may not have, oldest first. */
  get pending(): readonly Numbered[] {
    return this.kept;
  }

  /** The number that was given last; 0 before the first. */
  get last(): number {
    return this.newest;
  }

  /** The first number that will be sent again, or anew. */
  get first(): number {
    return this.kept[0]?.seq ?? this.newest + 1;
  }

  /** Whether one more text can be kept. */
  hasRoom(text: string): boolean {
    const texts = this.kept.flatMap(({ message }) =>
      message.type === "user_message" ? [message.text] : [],
    );
    const bytes = [...texts, text].reduce((sum, each) => sum + bytesOf(each), 0);
    return texts.length < MAX_TEXTS && bytes <= MAX_TEXT_BYTES;
  }

  /** Give a message its number, and keep it. */
  add(message: NumberedMessage): Numbered {
    this.newest += 1;
    const numbered = { seq: this.newest, message };
    this.kept.push(numbered);
    return numbered;
  }

  /** The server has all up to `seq`, even where that is more than this page has ever sent. */
  acknowledge(seq: number): void {
    this.newest = Math.max(this.newest, seq);
    this.kept = this.kept.filter((each) => each.seq > seq);
  }

  /** Keep only those up to `last`, and number on behind `behind`. */
  restart(last: number, behind: number): void {
    this.kept = this.kept.filter((each) => each.seq <= last);
    this.newest = behind;
  }

  /** Give those from number `first` on, and what follows, a number that is so much larger. */
  shift(first: number, by: number): void {
    this.kept = this.kept.map((each) => (each.seq < first ? each : { ...each, seq: each.seq + by }));
    this.newest += by;
  }
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
