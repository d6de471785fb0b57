import { describe, expect, it } from "vitest";
import { FrameAssembler, toInt16 } from "./pcm";

describe("toInt16", () => {
  it.each([
    [0, 0],
    [1, 32767],
    [-1, -32768],
    [2, 32767],
    [-7, -32768],
    [0.5, 16384],
    [-0.5, -16384],
    [NaN, 0],
  ])("%d becomes %d", (sample, expected) => {
    expect(toInt16(sample)).toBe(expected);
  });
});

describe("FrameAssembler", () => {
  it("cuts blocks of 128 into frames of 20 ms and loses nothing", () => {
    const frames: Int16Array[] = [];
    const assembler = new FrameAssembler(320, (frame) => frames.push(frame));
    const samples = Float32Array.from({ length: 128 * 8 }, (_, i) => (i % 100) / 100 - 0.5);
    for (let at = 0; at < samples.length; at += 128) assembler.push(samples.subarray(at, at + 128));
    expect(frames.map((frame) => frame.length)).toEqual([320, 320, 320]);
    const all = frames.flatMap((frame) => [...frame]);
    expect(all).toEqual([...samples.subarray(0, 960)].map(toInt16));
  });

  it("gives each frame a buffer of its own, as it is transferred away", () => {
    const buffers = new Set<ArrayBuffer>();
    const assembler = new FrameAssembler(10, (frame) => buffers.add(frame.buffer));
    assembler.push(new Float32Array(30));
    expect(buffers.size).toBe(3);
  });

  it("measures the level of each frame by itself", () => {
    const levels: number[] = [];
    const assembler = new FrameAssembler(4, (_, level) => levels.push(level));
    assembler.push(Float32Array.of(0.5, -0.5, 0.5, -0.5, 0, 0, 0, 0));
    expect(levels).toEqual([0.5, 0]);
  });
});
