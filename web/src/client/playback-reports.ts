/** Decides when the server is told how far its speech was played. Pure: time is an argument. */

import type { Playback } from "../protocol/messages";
import type { Position } from "./playback-queue";

const EVERY_MS = 200;

export class PlaybackReports {
  private turn = 0;
  private sentAt = -Infinity;
  private finished = false;

  /** Speech of `turn` has come: its position is worth telling. */
  expect(turn: number): void {
    if (turn <= this.turn) return;
    this.turn = turn;
    this.sentAt = -Infinity;
    this.finished = false;
  }

  /**
   * The report that is due, or null.
   *
   * @param latency samples between the worklet and the ear; not yet heard while playing.
   * @param now in ms.
   */
  update(position: Position, latency: number, now: number): Playback | null {
    if (position.turn !== this.turn || this.finished) return null;
    if (!position.done && (position.played === 0 || now - this.sentAt < EVERY_MS)) return null;
    this.sentAt = now;
    this.finished = position.done;
    const played = position.done ? position.played : Math.max(0, position.played - latency);
    return { type: "playback", turn: position.turn, played, done: position.done };
  }

  /** Turns count from the start again. */
  reset(): void {
    this.turn = 0;
    this.finished = false;
    this.sentAt = -Infinity;
  }
}
