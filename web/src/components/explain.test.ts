import { expect, it } from "vitest";
import type { EndpointReason, StopReason, TurnTrace } from "../protocol/messages";
import { duration, explain } from "./explain";

const TRACE: TurnTrace = {
  type: "turn_trace",
  turn: 1,
  origin: "voice",
  outcome: "complete",
  timings: {
    endpoint_ms: 180,
    stt_final_ms: 190,
    first_token_ms: 190,
    first_audio_ms: 200,
    first_played_ms: 300,
  },
  endpoint: "complete",
  pause_ms: 180,
  stopped: null,
  speculation: "none",
  drafts_dropped: 0,
  false_alarms: 0,
  replaces: null,
  speech_ms: 900,
  text_chars: 15,
  heard_chars: 15,
  audio_ms: 1500,
  played_ms: 1500,
  cooling_ms: 0,
};

it("tells why the turn ended when it did", () => {
  expect(explain(TRACE)).toEqual(["Your turn ended after 0.18 s of silence: what you said was complete."]);
  expect(explain({ ...TRACE, endpoint: null, pause_ms: null })).toEqual([]);
});

it("has words of its own for every reason, also for those of a newer server", () => {
  const endpoints: EndpointReason[] = ["complete", "extendable", "silence", "open", "max_length", "closed"];
  expect(new Set(endpoints.map((endpoint) => explain({ ...TRACE, endpoint })[0])).size).toBe(6);
  const reasons: StopReason[] = ["interrupted", "barge_in", "new_turn", "reopened", "shutdown"];
  const stopped = reasons.map((reason) => explain({ ...TRACE, outcome: "interrupted", stopped: reason }).at(-1));
  expect(new Set(stopped).size).toBe(5);
  const newer = { ...TRACE, outcome: "interrupted", endpoint: "x", stopped: "y" } as unknown as TurnTrace;
  expect(explain(newer)).toEqual([
    "Your turn ended after 0.18 s of silence.",
    "The answer stopped after 1.50 s of its speech.",
  ]);
});

it("tells everything that was decided on the way, in the order of time", () => {
  expect(
    explain({
      ...TRACE,
      replaces: 3,
      speculation: "hit",
      drafts_dropped: 1,
      cooling_ms: 13_240,
      false_alarms: 2,
      outcome: "interrupted",
      stopped: "barge_in",
      played_ms: 420,
    }),
  ).toEqual([
    "Your turn ended after 0.18 s of silence: what you said was complete.",
    "You went on after a pause: both parts were answered as one.",
    "The answer was prepared while waiting for you to finish, after one draft for fewer words.",
    "The machine had to cool down: 13.2 s.",
    "2 sounds were taken for no interruption: the answer went on.",
    "You spoke, and the answer stopped after 0.42 s of its speech.",
  ]);
});

it("tells of work for nothing, and of an answer that was not spoken", () => {
  expect(explain({ ...TRACE, speculation: "waste", drafts_dropped: 2 })[1]).toBe(
    "Prepared too early and thrown away: 2 drafts.",
  );
  expect(explain({ ...TRACE, outcome: "failed", audio_ms: 0 }).at(-1)).toBe("The answer failed.");
});

it("tells of waiting for the machine to cool down where it was noticeable", () => {
  const cooled = (cooling_ms: number) => explain({ ...TRACE, cooling_ms }).slice(1);
  expect(cooled(499)).toEqual([]);
  expect(cooled(500)).toEqual(["The machine had to cool down: 0.5 s."]);
  const older = { ...TRACE, cooling_ms: undefined } as unknown as TurnTrace;
  expect(explain(older)).toHaveLength(1);
});

it("writes durations as people read them", () => {
  expect([6.4, 99, 287, 1520].map(duration)).toEqual(["6 ms", "99 ms", "0.29 s", "1.52 s"]);
});
