import { describe, expect, it } from "vitest";
import { KEEP_SECONDS, Ring, type Captured } from "./ring";

const FRAME = 320;

/** Frame `seq` of a stream at 16 kHz: 20 ms. */
function frame(stream: number, seq: number): Captured {
  const offset = seq * FRAME;
  const pcm = Int16Array.from({ length: FRAME }, (_, i) => (offset + i) % 1000);
  return { stream, rate: 16_000, mode: "hands_free", seq, offset, pcm, after: 0 };
}

function ringOf(...frames: [stream: number, seq: number][]): Ring {
  const ring = new Ring();
  for (const [stream, seq] of frames) ring.push(frame(stream, seq));
  return ring;
}

const where = (frames: readonly Captured[]) => frames.map(({ stream, offset }) => [stream, offset]);

describe("the ring", () => {
  it("keeps half a minute of all streams together, and forgets the oldest", () => {
    const ring = new Ring();
    for (let seq = 0; seq < 1000; seq++) ring.push(frame(1, seq));
    for (let seq = 0; seq < 1000; seq++) ring.push(frame(2, seq));
    const seconds = ring.frames.reduce((sum, each) => sum + each.pcm.length / each.rate, 0);
    expect(seconds).toBeLessThanOrEqual(KEEP_SECONDS);
    expect(seconds).toBeGreaterThan(KEEP_SECONDS - 0.05);
    expect(ring.frames.at(-1)).toMatchObject({ stream: 2, seq: 999 });
    expect(ring.frames[0]).toMatchObject({ stream: 1 });
  });

  it("counts the time, not the samples", () => {
    const ring = new Ring();
    for (let seq = 0; seq < 100; seq++) ring.push({ ...frame(1, seq), rate: 160 }); // 2 s each
    expect(ring.frames).toHaveLength(15);
  });

  it("lets go of what is settled, and of all streams before", () => {
    const ring = ringOf([1, 0], [1, 1], [2, 0], [2, 1], [2, 2]);
    ring.settle(null, 0);
    expect(ring.frames).toHaveLength(5);
    ring.settle(1, FRAME);
    expect(where(ring.frames)[0]).toEqual([1, FRAME]);
    ring.settle(2, FRAME + 1);
    expect(where(ring.frames)).toEqual([
      [2, FRAME],
      [2, 2 * FRAME],
    ]);
    ring.settle(1, 9 * FRAME);
    expect(ring.frames).toHaveLength(2);
    ring.settle(2, 3 * FRAME);
    expect(ring.frames).toEqual([]);
  });

  it("has room again for what took the place of the settled", () => {
    const ring = new Ring();
    for (let seq = 0; seq < 1400; seq++) ring.push(frame(1, seq));
    ring.settle(1, 1000 * FRAME);
    for (let seq = 1400; seq < 2400; seq++) ring.push(frame(1, seq));
    expect(ring.frames[0]?.seq).toBe(1000);
  });

  it("gives what is missing to the sample", () => {
    const ring = ringOf([1, 0], [2, 0], [2, 1], [3, 0]);
    expect(where(ring.since(null, 0))).toEqual(where(ring.frames));
    const missing = ring.since(2, FRAME - 5);
    expect(where(missing)).toEqual([
      [2, FRAME - 5],
      [2, FRAME],
      [3, 0],
    ]);
    expect([...(missing[0]?.pcm ?? [])]).toEqual([315, 316, 317, 318, 319]);
    expect(where(ring.since(2, 0))).toEqual(where(ring.frames).slice(1));
  });

  it("can be emptied", () => {
    const ring = ringOf([1, 0]);
    ring.clear();
    expect(ring.frames).toEqual([]);
  });
});
