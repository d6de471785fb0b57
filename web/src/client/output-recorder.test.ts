import { expect, it } from "vitest";
import { OutputRecorder } from "./output-recorder";

const part = (frame: number, ...samples: number[]) => ({ frame, samples: Float32Array.from(samples) });

it("keeps what was played, and when it was heard last", () => {
  const recorder = new OutputRecorder();
  expect(recorder.silentFrom()).toBe(0);
  recorder.add(part(100, 0.5, -0.5), 8000);
  recorder.add(part(1000, 0.25, 0, 0.0001), 8000);
  recorder.add(part(2000, 0, 0), 8000);
  expect(Array.from(recorder.samples())).toHaveLength(7);
  expect(recorder.silentFrom()).toBe(1001);
  expect(recorder.silentFrom(1000)).toBe(102);
  expect([recorder.stoppedAt(), recorder.stoppedAt(1500), recorder.stoppedAt(1002)]).toEqual([2002, 1003, 1002]);
  expect(recorder.stoppedAt(50)).toBe(0);
  expect(recorder.silentFrom(101)).toBe(101);
});

it("lets go of what is older than half a minute", () => {
  const recorder = new OutputRecorder();
  for (let second = 0; second < 40; second++) recorder.add(part(second * 10, ...new Array<number>(10).fill(1)), 10);
  expect(recorder.samples()).toHaveLength(300);
});
