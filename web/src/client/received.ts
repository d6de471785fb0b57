/**
 * What this page has of a session: tells what comes twice, and when to acknowledge. Pure: time is
 * an argument.
 */

/** An acknowledgement waits so long for more to acknowledge, in ms, … */
export const ACK_AFTER_MS = 250;
/** … or for so many messages and frames. */
export const ACK_AFTER_ITEMS = 32;

export class Received {
  private newest = 0;
  private acknowledged = 0;
  /** How many have come since the last acknowledgement, and when the first of them did. */
  private items = 0;
  private since = 0;
  /** Speech with old numbers is wanted, until something new comes. */
  private again = false;

  /** The largest number that has come; 0 before the first. */
  get largest(): number {
    return this.newest;
  }

  /** False while speech that comes again is on its way: what came of it may not be all. */
  get whole(): boolean {
    return !this.again;
  }

  /**
   * Something numbered has come.
   *
   * @returns false where it was here before.
   */
  take(seq: number, kind: "message" | "speech", now: number): boolean {
    if (seq <= this.newest) return kind === "speech" && this.again;
    this.again = false;
    this.newest = seq;
    if (this.items === 0) this.since = now;
    this.items += 1;
    return true;
  }

  /** ms until an acknowledgement is due, 0 for now; null: there is nothing to acknowledge. */
  dueIn(now: number): number | null {
    if (this.newest === this.acknowledged) return null;
    if (this.items >= ACK_AFTER_ITEMS) return 0;
    return Math.max(0, this.since + ACK_AFTER_MS - now);
  }

  /** The number to acknowledge; it counts as done. */
  acknowledge(): number {
    this.acknowledged = this.newest;
    this.items = 0;
    return this.newest;
  }

  /** The same numbers go on; with `again` old speech comes first. The server knows what is here. */
  goOn(again: boolean): void {
    this.acknowledge();
    this.again = again;
  }

  /** What follows comes after `seq`; with `again` old speech comes first. */
  restart(seq: number, again: boolean): void {
    this.newest = seq;
    this.goOn(again);
  }
}
