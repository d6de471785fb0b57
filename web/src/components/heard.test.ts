import { expect, it } from "vitest";
import type { TurnTrace } from "../protocol/messages";
import type { AssistantEntry } from "../stores/entries";
import { describeStop, heardOf } from "./heard";

function answer(text: string, heard_chars: number | null, more: Partial<AssistantEntry> = {}): AssistantEntry {
  return {
    kind: "assistant",
    id: "a1",
    turn: 1,
    text,
    origin: "voice",
    status: "stopped",
    reason: "barge_in",
    timings: null,
    trace: heard_chars === null ? null : ({ heard_chars } as TurnTrace),
    failure: null,
    ...more,
  };
}

it("parts what was heard from what was not", () => {
  const entry = answer("It is noon.", 5);
  expect(heardOf(entry)).toEqual({ heard: "It is ", unheard: "noon." });
  expect(describeStop(entry)).toBe("You interrupted. Dotted: not heard");
});

it("counts characters as the server does", () => {
  expect(heardOf(answer("😀😀 no", 2))).toEqual({ heard: "😀😀 ", unheard: "no" });
});

it("says when nothing was heard", () => {
  const entry = answer("It is noon.", 0, { reason: "interrupted" });
  expect(heardOf(entry)).toEqual({ heard: "", unheard: "It is noon." });
  expect(describeStop(entry)).toBe("Stopped before it was heard");
});

it("marks nothing where all was heard, nothing is known, or the answer came to its end", () => {
  const whole = { heard: "Yes. ", unheard: "" };
  expect(heardOf(answer("Yes. ", 4))).toEqual(whole);
  expect(heardOf(answer("Yes. ", 99))).toEqual(whole);
  expect(heardOf(answer("Yes. ", null))).toEqual(whole);
  expect(heardOf(answer("Yes. ", 0, { status: "complete" }))).toEqual(whole);
  expect(describeStop(answer("", 0))).toBe("You interrupted");
});

it("says no more of why than is known", () => {
  expect(describeStop(answer("It is", null, { reason: null }))).toBe("Interrupted");
  expect(describeStop(answer("It is", null, { reason: "newer" as never }))).toBe("Interrupted");
  expect(describeStop(answer("It is", null, { reason: "interrupted" }))).toBe("Stopped");
});
