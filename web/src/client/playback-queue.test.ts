import { beforeEach, describe, expect, it } from "vitest";
import { PlaybackQueue } from "./playback-queue";

const RATE = 8000;
const QUANTUM = 128;

let queue: PlaybackQueue;

beforeEach(() => {
  queue = new PlaybackQueue(RATE);
});

/** Speech of `turn`: `length` samples that all have the value `value`. */
function speech(turn: number, offset: number, length: number, value: number, last = false) {
  return { turn, offset, last, pcm: new Int16Array(length).fill(value * 32768) };
}

function render(quanta: number): number[] {
  const heard: number[] = [];
  for (let i = 0; i < quanta; i++) {
    const out = new Float32Array(QUANTUM);
    queue.render(out);
    heard.push(...out);
  }
  return heard;
}

const count = (samples: number[], value: number): number =>
  samples.filter((sample) => sample === value).length;

describe("PlaybackQueue", () => {
  it("plays chunks without a gap and to the sample", () => {
    const ramp = Int16Array.from({ length: 1000 }, (_, i) => i * 30);
    for (const [from, to] of [[0, 333], [333, 334], [334, 1000]] as const) {
      queue.push({ turn: 1, offset: from, pcm: ramp.subarray(from, to), last: to === 1000 });
    }
    const heard = render(8).slice(0, 1000);
    expect(heard).toEqual([...ramp].map((sample) => sample / 32768));
    expect(queue.position).toEqual({ turn: 1, played: 1000, done: true });
    expect(queue.totalPlayed).toBe(1000);
    expect(queue.peak).toBeCloseTo((999 * 30) / 32768, 6);
  });

  it("is done only when all of a turn was played", () => {
    queue.push(speech(1, 0, 400, 0.5));
    render(10);
    expect(queue.position).toEqual({ turn: 1, played: 400, done: false });
    queue.push({ turn: 1, offset: 400, pcm: new Int16Array(0), last: true });
    expect(queue.position).toEqual({ turn: 1, played: 400, done: true });
  });

  it("goes on after an underrun, without losing a sample", () => {
    queue.push(speech(1, 0, 400, 0.5));
    const first = render(10);
    queue.push(speech(1, 400, 400, 0.25, true));
    const second = render(10);
    expect(count(first, 0.5) + count(second, 0.25)).toBe(800);
    expect(Math.abs(first.at(-1) ?? 1)).toBe(0); // died away, no click that stays
    expect(queue.position).toMatchObject({ played: 800, done: true });
  });

  it("waits for a little at the start, but not for ever", () => {
    queue.push(speech(1, 0, 100, 0.5));
    expect(render(2)).toEqual(new Array(2 * QUANTUM).fill(0));
    expect(count(render(4), 0.5)).toBe(100);
  });

  it("does not wait where there is nothing to wait for", () => {
    queue.push(speech(1, 0, 100, 0.5, true));
    expect(count(render(1), 0.5)).toBe(100);
  });

  it("stops within 10 ms, without a jump", () => {
    queue.push(speech(1, 0, 4000, 0.5));
    render(4);
    queue.stop(1);
    const heard = render(4);
    expect(heard[0]).toBeLessThanOrEqual(0.5);
    for (const [i, sample] of heard.entries()) {
      const before = heard[i - 1] ?? 0.5;
      expect(before - sample).toBeGreaterThanOrEqual(0);
      expect(before - sample).toBeLessThan(0.02);
      if (i >= RATE / 100) expect(sample).toBe(0);
    }
    expect(queue.position).toEqual({ turn: 1, played: 4 * QUANTUM, done: true });
  });

  it("never plays speech of a stopped turn that comes late", () => {
    queue.push(speech(1, 0, 400, 0.5));
    queue.stop(1);
    expect(queue.push(speech(1, 400, 400, 0.5, true))).toBe(false);
    render(4);
    expect(queue.totalPlayed).toBe(0);
  });

  it("never plays a turn that was stopped before its speech came", () => {
    queue.stop(3);
    expect(queue.push(speech(3, 0, 400, 0.5))).toBe(false);
    expect(queue.push(speech(2, 0, 400, 0.5))).toBe(false);
    expect(queue.push(speech(4, 0, 400, 0.25, true))).toBe(true);
    expect(count(render(8), 0.25)).toBe(400);
  });

  it("tells the end of a turn that was stopped before its speech came", () => {
    queue.push(speech(2, 0, 4000, 0.5));
    render(2);
    queue.stop(3);
    expect(queue.position).toEqual({ turn: 3, played: 0, done: true });
    expect(render(3).slice(RATE / 100).every((sample) => sample === 0)).toBe(true);
  });

  it("plays softer within 30 ms, without a jump, and as loud as before on a false alarm", () => {
    queue.push(speech(1, 0, 8000, 0.5));
    render(4);
    queue.duck(1, 0.2);
    const down = render(4);
    for (const [i, sample] of down.entries()) {
      const before = down[i - 1] ?? 0.5;
      expect(before - sample).toBeGreaterThanOrEqual(0);
      expect(before - sample).toBeLessThan(0.002);
      if (i > RATE * 0.03) expect(sample).toBeCloseTo(0.1, 6);
    }
    queue.duck(1, 1);
    expect(count(render(4), 0.5)).toBeGreaterThanOrEqual(4 * QUANTUM - RATE * 0.03 - 1);
    expect(queue.position).toMatchObject({ played: 12 * QUANTUM });
  });

  it("turns back in the middle of the slide", () => {
    queue.push(speech(1, 0, 8000, 0.5));
    render(2);
    queue.duck(1, 0);
    render(1);
    queue.duck(1, 1);
    const up = render(2);
    expect(up[0]).toBeGreaterThan(0.2);
    expect(up.at(-1)).toBe(0.5);
  });

  it("is soft only for the turn in play", () => {
    queue.push(speech(1, 0, 4000, 0.5));
    queue.duck(2, 0.2);
    expect(count(render(4), 0.5)).toBe(4 * QUANTUM);
    queue.duck(1, 0.2);
    render(4);
    queue.begin(2);
    queue.push(speech(2, 0, 400, 0.75, true));
    expect(count(render(8), 0.75)).toBe(400);
  });

  it("stops a soft turn softly", () => {
    queue.push(speech(1, 0, 4000, 0.5));
    queue.duck(1, 0.2);
    render(4);
    queue.stop(1);
    expect(Math.max(...render(4))).toBeLessThanOrEqual(0.1);
  });

  it("drops an older turn when a newer one begins", () => {
    queue.push(speech(1, 0, 4000, 0.5, true));
    render(2);
    queue.begin(2);
    expect(queue.push(speech(1, 4000, 400, 0.5))).toBe(false);
    queue.push(speech(2, 0, 400, 0.75, true)); // louder than the fade of the other
    const heard = render(8);
    expect(count(heard, 0.5)).toBe(0);
    expect(count(heard, 0.75)).toBe(400);
    expect(queue.position).toEqual({ turn: 2, played: 400, done: true });
  });

  it("takes the speech of a turn whose begin it has not seen", () => {
    queue.push(speech(5, 0, 400, 0.5, true));
    expect(count(render(4), 0.5)).toBe(400);
  });

  it("plays a sample once, even if it comes twice", () => {
    queue.push(speech(1, 0, 400, 0.5));
    queue.push(speech(1, 200, 400, 0.5, true));
    expect(count(render(10), 0.5)).toBe(600);
  });

  it("ends a turn that had no last chunk", () => {
    queue.push(speech(1, 0, 400, 0.5));
    queue.end(1);
    render(4);
    expect(queue.position).toEqual({ turn: 1, played: 400, done: true });
  });

  it("counts turns from the start again after a reset", () => {
    queue.push(speech(9, 0, 4000, 0.5));
    render(2);
    queue.reset();
    render(1);
    expect(queue.position).toBeNull();
    expect(queue.push(speech(1, 0, 400, 0.25, true))).toBe(true);
    expect(count(render(8), 0.25)).toBe(400);
  });

  it("has a bound, should nothing be played", () => {
    const minute = RATE * 60;
    expect(queue.push(speech(1, 0, minute, 0.5))).toBe(true);
    expect(queue.push(speech(1, minute, minute, 0.5))).toBe(true);
    expect(queue.push(speech(1, 2 * minute, 1, 0.5))).toBe(false);
  });

  it("says which part of the output is speech, for the record", () => {
    expect(queue.render(new Float32Array(QUANTUM))).toBe(0);
    queue.push(speech(1, 0, 100, 0.001, true));
    expect(queue.render(new Float32Array(QUANTUM))).toBeGreaterThanOrEqual(100);
    render(4);
    expect(queue.render(new Float32Array(QUANTUM))).toBe(0);
  });
});

describe("PlaybackQueue against a naive model", () => {
  it("plays only the newest turn that was not stopped, whatever the order of commands", () => {
    let heard = 0;
    for (let seed = 0; seed < 300; seed++) heard += playAtRandom(seed);
    expect(heard).toBeGreaterThan(10_000); // else the commands above are no test
  });
});

/** Commands in any order; returns how many samples of speech were heard and checked. */
function playAtRandom(seed: number): number {
  queue = new PlaybackQueue(RATE);
  const random = generator(seed);
  const pick = (n: number): number => Math.floor(random() * n);
  const fade = Math.round(RATE * 0.01);
  const sent = new Map<number, number>();
  let newest = 0;
  let barred = 0;
  let checked = 0;
  for (let step = 0; step < 60; step++) {
    // Turns grow with time, give or take two: late ones are what this is about.
    const turn = Math.max(1, Math.floor(step / 8) + pick(4) - 1);
    const action = pick(5);
    if (action < 2) {
      const offset = sent.get(turn) ?? 0;
      const length = 50 + pick(400);
      // Each turn has a value of its own, by which it is recognised.
      queue.push(speech(turn, offset, length, turn / 16, pick(8) === 0));
      sent.set(turn, offset + length);
      if (turn > barred) newest = Math.max(newest, turn);
    } else if (action === 2) {
      queue.begin(turn);
      if (turn > barred) newest = Math.max(newest, turn);
    } else if (action === 3 && pick(3) === 0) {
      queue.stop(turn);
      barred = Math.max(barred, turn);
    } else {
      const out = new Float32Array(QUANTUM * 2);
      queue.render(out);
      for (const sample of out.subarray(fade)) {
        const value = sample * 16;
        // Whole numbers are speech; anything else is dying away.
        if (value === 0 || !Number.isInteger(value)) continue;
        if (value !== newest || value <= barred) {
          expect.fail(`turn ${value} was heard; newest ${newest}, stopped up to ${barred}`);
        }
        checked += 1;
      }
    }
  }
  return checked;
}

function generator(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
