/** Keeps the last 30 s of what was played, for tests that listen to the page. */

import { toInt16 } from "./pcm";

const KEEP_SECONDS = 30;

export class OutputRecorder {
  private parts: Float32Array[] = [];
  private length = 0;

  add(samples: Float32Array, rate: number): void {
    this.parts.push(samples);
    this.length += samples.length;
    for (;;) {
      const first = this.parts[0];
      if (first === undefined || this.length - first.length < KEEP_SECONDS * rate) return;
      this.parts.shift();
      this.length -= first.length;
    }
  }

  /** All of it as int16, oldest first. */
  samples(): Int16Array {
    const all = new Int16Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      for (const sample of part) all[at++] = toInt16(sample);
    }
    return all;
  }
}
