/** Decides when the server is told how far its speech was played. Pure: time is an argument. */

import type { Playback } from "../protocol/messages";
import type { Position } from "./playback-queue";

/** Positions come every 50 ms: what is due with the third is told within 200 ms, come what may. */
const EVERY_MS = 140;

export class PlaybackReports {
  private turn = 0;
  private heard = 0;
  private sentAt = -Infinity;
  private finished = true;
  private latest: Position | null = null;
  private told: Playback | null = null;

  /** What was told last, which may not have arrived; null: nothing. */
  get newest(): Playback | null {
    return this.told;
  }

  /**
   * Speech of `turn` has come: its position is worth telling.
   *
   * @returns the report of a turn that was stopped before its speech came.
   */
  expect(turn: number): Playback | null {
    if (turn <= this.turn) return null;
    this.turn = turn;
    this.heard = 0;
    this.sentAt = -Infinity;
    this.finished = false;
    const { latest } = this;
    const over = latest !== null && (latest.turn > turn || (latest.turn === turn && latest.done));
    return over ? this.abandon() : null;
  }

  /**
   * The report that is due, or null. The end is told at once.
   *
   * @param latency samples between the worklet and the ear; not yet heard while playing. At an end
   *   they count: what is on its way cannot be called back.
   * @param now in ms.
   */
  update(position: Position, latency: number, now: number): Playback | null {
    this.latest = position;
    if (position.turn !== this.turn || this.finished) return null;
    const heard = position.done ? position.played : Math.max(0, position.played - latency);
    if (!position.done && (heard === 0 || now - this.sentAt < EVERY_MS)) return null;
    this.sentAt = now;
    this.heard = heard;
    this.finished = position.done;
    return this.tell({ type: "playback", turn: position.turn, played: heard, done: position.done });
  }

  /** No more can be played of what has come: the report that says so, unless that is known. */
  abandon(): Playback | null {
    if (this.finished) return null;
    this.finished = true;
    return this.tell({ type: "playback", turn: this.turn, played: this.heard, done: true });
  }

  /** Turns count from the start again. */
  reset(): void {
    this.turn = this.heard = 0;
    this.finished = true;
    this.sentAt = -Infinity;
    this.latest = this.told = null;
  }

  private tell(report: Playback): Playback {
    this.told = report;
    return report;
  }
}
