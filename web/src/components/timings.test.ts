import { expect, it } from "vitest";
import { stagesOf } from "./timings";

const NOTHING = {
  endpoint_ms: null,
  stt_final_ms: null,
  first_token_ms: null,
  first_audio_ms: null,
  first_played_ms: null,
};

it("makes a waterfall of the stages that were reached", () => {
  const timings = { ...NOTHING, endpoint_ms: 500, stt_final_ms: 506, first_audio_ms: 520, first_played_ms: 610 };
  expect(stagesOf(timings)).toEqual([
    { name: "End of turn", from: 0, to: 500 },
    { name: "Transcript", from: 500, to: 506 },
    { name: "Speech sent", from: 506, to: 520 },
    { name: "Speech heard", from: 520, to: 610 },
  ]);
});

it("copes with what was there before the turn's end was decided", () => {
  const timings = { ...NOTHING, endpoint_ms: 500, stt_final_ms: 300, first_token_ms: 510 };
  expect(stagesOf(timings)[1]).toEqual({ name: "Transcript", from: 300, to: 300 });
  expect(stagesOf(timings)[2]?.from).toBe(500);
});
