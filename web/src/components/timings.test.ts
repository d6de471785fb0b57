import { expect, it } from "vitest";
import { TRACE } from "../stores/conversation-fixtures";
import { answeredAfter, stagesOf } from "./timings";

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

it("takes the first speech for the answer, not the words that had to wait with it", () => {
  const timings = { ...NOTHING, first_token_ms: 200, first_audio_ms: 13_400 };
  expect(answeredAfter(timings, { ...TRACE, cooling_ms: 13_200 })).toBe(13_400);
  expect(answeredAfter(timings, null)).toBe(13_400);
});

it("takes the first words for the answer where nothing was to be spoken", () => {
  const timings = { ...NOTHING, first_token_ms: 200 };
  expect(answeredAfter(timings, null)).toBe(200);
  expect(answeredAfter(timings, { ...TRACE, audio_ms: 0, heard_chars: 15 })).toBe(200);
});

it("claims no answer where its speech never came", () => {
  const timings = { ...NOTHING, first_token_ms: 200 };
  expect(answeredAfter(timings, { ...TRACE, audio_ms: 0, heard_chars: 0 })).toBeNull();
  expect(answeredAfter(NOTHING, null)).toBeNull();
});
