/** Samples on their way from the microphone: float to int16 and into frames. No browser needed. */

/** Length of a microphone frame in seconds. */
export const FRAME_SECONDS = 0.02;

/** A float sample in [-1, 1] as int16; anything outside is clipped, NaN is silence. */
export function toInt16(sample: number): number {
  if (Number.isNaN(sample)) return 0;
  const clipped = Math.max(-1, Math.min(1, sample));
  return Math.round(clipped < 0 ? clipped * 32768 : clipped * 32767);
}

/** Collects blocks of any length into int16 frames of a fixed length. */
export class FrameAssembler {
  private frame: Int16Array<ArrayBuffer>;
  private filled = 0;
  private energy = 0;

  /**
   * @param size samples in a frame.
   * @param emit takes each whole frame (its own buffer) and its RMS level in [0, 1].
   */
  constructor(
    private readonly size: number,
    private readonly emit: (frame: Int16Array<ArrayBuffer>, level: number) => void,
  ) {
    this.frame = new Int16Array(size);
  }

  push(block: Float32Array): void {
    for (const sample of block) {
      this.frame[this.filled++] = toInt16(sample);
      this.energy += sample * sample;
      if (this.filled === this.size) this.finish();
    }
  }

  private finish(): void {
    const frame = this.frame;
    const level = Math.min(1, Math.sqrt(this.energy / this.size));
    this.frame = new Int16Array(this.size);
    this.filled = 0;
    this.energy = 0;
    this.emit(frame, level);
  }
}
