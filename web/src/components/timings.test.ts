import { expect, it } from "vitest";
import { duration, stagesOf } from "./timings";

it("makes a waterfall of the stages that were reached", () => {
  const timings = { endpoint_ms: 500, stt_final_ms: 506, first_token_ms: null, first_audio_ms: 520 };
  expect(stagesOf(timings)).toEqual([
    { name: "End of turn", from: 0, to: 500 },
    { name: "Transcript", from: 500, to: 506 },
    { name: "First sound", from: 506, to: 520 },
  ]);
});

it("copes with a transcript that was there before the turn's end was decided", () => {
  const timings = { endpoint_ms: 500, stt_final_ms: 300, first_token_ms: 510, first_audio_ms: null };
  expect(stagesOf(timings)[1]).toEqual({ name: "Transcript", from: 300, to: 300 });
  expect(stagesOf(timings)[2]?.from).toBe(500);
});

it("writes durations as people read them", () => {
  expect([6.4, 99, 287, 1520].map(duration)).toEqual(["6 ms", "99 ms", "0.29 s", "1.52 s"]);
});
