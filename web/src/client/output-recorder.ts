/** Keeps the last 30 s of what was played, for tests that listen to the page. */

import type { RecordedOutput } from "./player.worklet";
import { toInt16 } from "./pcm";

const KEEP_SECONDS = 30;
/** Softer than this cannot be heard: -66 dB of full scale. */
const SILENCE = 0.0005;

export class OutputRecorder {
  private parts: RecordedOutput[] = [];
  private length = 0;

  add(part: RecordedOutput, rate: number): void {
    this.parts.push(part);
    this.length += part.samples.length;
    for (;;) {
      const first = this.parts[0]?.samples.length;
      if (first === undefined || this.length - first < KEEP_SECONDS * rate) return;
      this.parts.shift();
      this.length -= first;
    }
  }

  /** All of it as int16, oldest first. */
  samples(): Int16Array {
    const all = new Int16Array(this.length);
    let at = 0;
    for (const { samples } of this.parts) {
      for (const sample of samples) all[at++] = toInt16(sample);
    }
    return all;
  }

  /** The end of what was played before `before`, pauses included; counted as `silentFrom`. */
  stoppedAt(before = Infinity): number {
    const part = this.parts.findLast(({ frame }) => frame < before);
    return part === undefined ? 0 : Math.min(part.frame + part.samples.length, before);
  }

  /** The end of the last sound that began before `before`; both in samples of the context's time. */
  silentFrom(before = Infinity): number {
    for (const { frame, samples } of this.parts.toReversed()) {
      const last = samples
        .subarray(0, Math.max(0, before - frame))
        .findLastIndex((sample) => Math.abs(sample) >= SILENCE);
      if (last !== -1) return frame + last + 1;
    }
    return 0;
  }
}
