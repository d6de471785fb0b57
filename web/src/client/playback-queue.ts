/**
 * What the loudspeaker plays next: the queue of one turn's speech, pure, run on the audio thread.
 *
 * Turns only grow. Speech of a stopped turn, or of one older than the turn in play, is dropped
 * wherever it is, so late frames can never be heard.
 */

/** Enough to ride over jitter of the main thread; waited for at a start and after a gap. */
const START_SECONDS = 0.04;
/** With less than that queued, playing starts anyway after so long. */
const PATIENCE_SECONDS = 0.06;
/** Short enough to count as at once, long enough not to click. */
const FADE_SECONDS = 0.01;
/** How long a change of loudness takes: no click, and soft before a word is over. */
const DUCK_SECONDS = 0.03;
/** The server paces far below this; more means that nothing is being played. */
const CAPACITY_SECONDS = 120;
/** Factor per sample with which the last sample dies away in a gap: silent within 5 ms. */
const DECAY = 0.97;

export interface SpeechChunk {
  turn: number;
  /** Position of its first sample in the turn. */
  offset: number;
  pcm: Int16Array;
  /** Nothing of the turn follows. */
  last: boolean;
}

export interface Position {
  turn: number;
  /** Samples of the turn that were played. */
  played: number;
  /** Nothing of it is left to play. */
  done: boolean;
}

export class PlaybackQueue {
  /** Samples played so far, of all turns. */
  totalPlayed = 0;
  /** Largest absolute sample played so far. */
  peak = 0;

  private turn = 0;
  /** Turns up to here are never played. */
  private barred = 0;
  private chunks: SpeechChunk[] = [];
  private head = 0;
  private queued = 0;
  private received = 0;
  private played = 0;
  private complete = false;
  private over = true;
  private waiting = true;
  private waited = 0;
  private tail: Float32Array = new Float32Array(0);
  private tailAt = 0;
  private lastSample = 0;
  private gain = 1;
  private wantedGain = 1;
  private gainStep = 0;

  /** @param rate samples per second. */
  constructor(private readonly rate: number) {}

  /** Where the turn in play is; null before the first. */
  get position(): Position | null {
    return this.turn === 0 ? null : { turn: this.turn, played: this.played, done: this.over };
  }

  /** A newer turn begins: what is left of older ones is not played. */
  begin(turn: number): void {
    if (turn <= this.turn || turn <= this.barred) return;
    this.silence();
    this.barred = turn - 1;
    this.turn = turn;
    this.received = this.played = 0;
    this.complete = this.over = false;
    this.waiting = true;
    this.waited = 0;
    this.gain = this.wantedGain = 1;
  }

  /** Play `turn` at `gain` from now on; it slides there. A newer turn is at full loudness again. */
  duck(turn: number, gain: number): void {
    if (turn !== this.turn) return;
    this.wantedGain = Math.min(1, Math.max(0, gain));
    this.gainStep = Math.abs(this.wantedGain - this.gain) / (DUCK_SECONDS * this.rate);
  }

  /** Queue speech; false where it must not be played. */
  push(chunk: SpeechChunk): boolean {
    if (chunk.turn <= this.barred || chunk.turn < this.turn) return false;
    this.begin(chunk.turn);
    if (this.complete) return false;
    const fresh = this.received - chunk.offset;
    const pcm = fresh > 0 ? chunk.pcm.subarray(fresh) : chunk.pcm;
    if (this.queued + pcm.length > CAPACITY_SECONDS * this.rate) return false;
    if (pcm.length > 0) {
      const offset = Math.max(chunk.offset, this.received);
      this.chunks.push({ ...chunk, offset, pcm });
      this.received = offset + pcm.length;
      this.queued += pcm.length;
    }
    if (chunk.last) this.complete = true;
    this.finishIfEmpty();
    return true;
  }

  /** All speech of `turn` is here, even if no chunk was marked as its last. */
  end(turn: number): void {
    if (turn !== this.turn) return;
    this.complete = true;
    this.finishIfEmpty();
  }

  /** Stop `turn` and all before it, at once but for a short fade; also before its speech came. */
  stop(turn: number): void {
    this.begin(turn);
    this.barred = Math.max(this.barred, turn);
    if (this.turn > turn) return;
    this.silence();
    this.over = this.complete = true;
  }

  /** Forget everything: turns count from the start again. */
  reset(): void {
    this.silence();
    this.turn = this.barred = this.played = 0;
    this.over = true;
    this.gain = this.wantedGain = 1;
  }

  /**
   * Fill `out` with the next samples, silence where there are none.
   *
   * @returns how many of them, from the first, belong to something that is being played.
   */
  render(out: Float32Array): number {
    let at = this.renderTail(out);
    if (this.shouldWait(out.length - at)) return this.renderGap(out, at);
    while (at < out.length) {
      const chunk = this.chunks[0];
      if (chunk === undefined) break;
      const count = Math.min(out.length - at, chunk.pcm.length - this.head);
      for (let i = 0; i < count; i++) {
        const value = ((chunk.pcm[this.head + i] ?? 0) / 32768) * this.nextGain();
        out[at + i] = value;
        this.lastSample = value;
        if (Math.abs(value) > this.peak) this.peak = Math.abs(value);
      }
      at += count;
      this.head += count;
      this.queued -= count;
      this.totalPlayed += count;
      this.played = chunk.offset + this.head;
      if (this.head === chunk.pcm.length) {
        this.chunks.shift();
        this.head = 0;
      }
    }
    this.finishIfEmpty();
    if (at === out.length) return at;
    if (!this.over) {
      this.waiting = true;
      this.waited = 0;
    }
    return this.renderGap(out, at);
  }

  private nextGain(): number {
    const left = this.wantedGain - this.gain;
    this.gain += Math.sign(left) * Math.min(this.gainStep, Math.abs(left));
    return this.gain;
  }

  private shouldWait(samples: number): boolean {
    if (!this.waiting) return false;
    if (this.queued === 0) return true;
    this.waited += samples;
    this.waiting =
      !this.complete &&
      this.queued < START_SECONDS * this.rate &&
      this.waited < PATIENCE_SECONDS * this.rate;
    return this.waiting;
  }

  private finishIfEmpty(): void {
    if (this.complete && this.queued === 0) this.over = true;
  }

  /** Nothing to play: let the last sample die away rather than jump to zero. */
  private renderGap(out: Float32Array, from: number): number {
    let used = from;
    for (let i = from; i < out.length; i++) {
      this.lastSample *= DECAY;
      if (Math.abs(this.lastSample) < 1e-4) this.lastSample = 0;
      out[i] = this.lastSample;
      if (this.lastSample !== 0) used = i + 1;
    }
    // A gap inside a turn is part of what is heard; silence between turns is not.
    return this.over || this.played === 0 ? used : out.length;
  }

  private renderTail(out: Float32Array): number {
    const count = Math.min(out.length, this.tail.length - this.tailAt);
    for (let i = 0; i < count; i++) out[i] = this.tail[this.tailAt + i] ?? 0;
    this.tailAt += count;
    return count;
  }

  /** Drop the queue; what would have played in the next moments becomes a fade. */
  private silence(): void {
    const fade = new Float32Array(
      this.waiting ? 0 : Math.min(this.queued, Math.round(FADE_SECONDS * this.rate)),
    );
    let chunk = 0;
    let head = this.head;
    for (let i = 0; i < fade.length; i++) {
      const pcm = this.chunks[chunk]?.pcm;
      if (pcm === undefined) break;
      fade[i] = ((pcm[head] ?? 0) / 32768) * this.gain * (1 - (i + 1) / fade.length);
      head += 1;
      if (head === pcm.length) {
        chunk += 1;
        head = 0;
      }
    }
    if (fade.length > 0) {
      this.tail = fade;
      this.tailAt = 0;
      this.lastSample = 0;
    }
    this.chunks = [];
    this.head = 0;
    this.queued = 0;
    this.waiting = true;
  }
}
