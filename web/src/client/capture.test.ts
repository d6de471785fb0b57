import { afterEach, expect, it, vi } from "vitest";
import { openCapture } from "./capture";
import { stubAudio } from "./fake-audio";

afterEach(() => vi.unstubAllGlobals());

const handlers = { onFrame: () => undefined, onEnded: () => undefined };

it("captures at the recogniser's rate where the browser resamples", async () => {
  stubAudio({ rate: 192_000 });
  expect((await openCapture(handlers)).rate).toBe(16_000);
});

it.each([
  [44_100, 44_100],
  [96_000, 96_000],
  [192_000, 48_000],
])("captures a device of %i Hz at %i Hz where it does not", async (rate, captured) => {
  const device = stubAudio({ rate, sameRate: true });
  const capture = await openCapture(handlers);
  expect(capture.rate).toBe(captured);
  expect(device.contexts).toHaveLength(1);
  capture.close();
  expect(device.contexts).toHaveLength(0);
});

it("says that the microphone could not be started, and keeps nothing open", async () => {
  const device = stubAudio({ loads: false });
  await expect(openCapture(handlers)).rejects.toMatchObject({ kind: "microphone_failed" });
  expect(device.contexts).toHaveLength(0);
});
