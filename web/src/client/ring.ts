/** The last half minute of the microphone, until the server has no more use for it. Pure. */

import type { ListenMode } from "../protocol/messages";

/** So much is kept; of what is older the server gets no second copy. */
export const KEEP_SECONDS = 30;

export interface Captured {
  stream: number;
  /** Samples per second. */
  rate: number;
  mode: ListenMode;
  /** Counts the frames of its stream from 0. */
  seq: number;
  /** Position of the first sample in its stream. */
  offset: number;
  pcm: Int16Array<ArrayBuffer>;
  /** The number of the last message before it: where it belongs among them. */
  after: number;
  /** It was given to a socket. */
  sent?: boolean;
}

export class Ring {
  private kept: Captured[] = [];
  private seconds = 0;

  /** Oldest first. */
  get frames(): readonly Captured[] {
    return this.kept;
  }

  push(frame: Captured): void {
    this.kept.push(frame);
    this.seconds += lasts(frame);
    while (this.seconds > KEEP_SECONDS) this.forgetOldest();
  }

  /** Nothing of `stream` before `samples` is needed any more, nor of the streams before it. */
  settle(stream: number | null, samples: number): void {
    if (stream === null) return;
    let oldest = this.kept[0];
    while (oldest !== undefined && isBefore(oldest, stream, samples)) {
      this.forgetOldest();
      oldest = this.kept[0];
    }
  }

  /** What follows sample `samples` of `stream`; all of it where `stream` is null. */
  since(stream: number | null, samples: number): Captured[] {
    if (stream === null) return [...this.kept];
    return this.kept
      .filter((frame) => !isBefore(frame, stream, samples))
      .map((frame) => {
        const known = samples - frame.offset;
        if (frame.stream !== stream || known <= 0) return frame;
        return { ...frame, offset: samples, pcm: frame.pcm.subarray(known) };
      });
  }

  /** Messages from number `first` on have a number that is so much larger. */
  shift(first: number, by: number): void {
    for (const frame of this.kept) if (frame.after >= first) frame.after += by;
  }

  clear(): void {
    this.kept = [];
    this.seconds = 0;
  }

  private forgetOldest(): void {
    const oldest = this.kept.shift();
    // Sums of fractions drift: an empty ring is a chance to begin anew.
    this.seconds = oldest === undefined || this.kept.length === 0 ? 0 : this.seconds - lasts(oldest);
  }
}

function lasts({ pcm, rate }: Captured): number {
  return pcm.length / rate;
}

function isBefore(frame: Captured, stream: number, samples: number): boolean {
  if (frame.stream !== stream) return frame.stream < stream;
  return frame.offset + frame.pcm.length <= samples;
}
