import { describe, expect, it } from "vitest";
import { reduce, type Conversation, type ConversationEvent } from "./conversation";
import { heard, play, ready, texts, TIMINGS, TRACE } from "./conversation-fixtures";

describe("a turn that was closed too early", () => {
  const early = play(
    ready(),
    { type: "transcript_partial", text: "set a timer" },
    heard("set a timer for ten", 1),
    { type: "turn_started", turn: 1, origin: "voice" },
    { type: "stream_delta", turn: 1, text: "Ten what?" },
  );
  const reopened = reduce(early, { type: "stream_interrupted", turn: 1, reason: "reopened" });

  it("loses the answer that nobody heard, and its words go on", () => {
    expect(texts(reopened)).toEqual([["user", "set a timer for ten", "open"]]);
    expect(reopened.activeTurn).toBeNull();
    expect(texts(reduce(reopened, { ...TRACE, stopped: "reopened" }))).toEqual(texts(reopened));
  });

  it("becomes one message with what followed", () => {
    const state = [
      { type: "transcript_partial", text: "set a timer for ten minutes" } as const,
      heard("set a timer for ten minutes", 2, { replaces: 1 }),
      { type: "turn_started", turn: 2, origin: "voice" } as const,
      { type: "stream_delta", turn: 2, text: "Timer set." } as const,
    ].reduce<Conversation>(reduce, reopened);
    expect(texts(state)).toEqual([
      ["user", "set a timer for ten minutes", "sent"],
      ["assistant", "Timer set.", "streaming"],
    ]);
    expect(state.entries[0]).toMatchObject({ id: early.entries[0]?.id, turn: 2 });
    expect(state.partial).toBeNull();
  });

  it("can be taken up again and again", () => {
    const state = [
      heard("set a timer for ten minutes", 2, { replaces: 1 }),
      { type: "turn_started", turn: 2, origin: "voice" } as const,
      { type: "stream_interrupted", turn: 2, reason: "reopened" } as const,
      heard("set a timer for ten minutes and five seconds", 3, { replaces: 2 }),
    ].reduce<Conversation>(reduce, reopened);
    expect(texts(state)).toEqual([["user", "set a timer for ten minutes and five seconds", "sent"]]);
  });

  it("keeps its words when nothing could be made of all of them together", () => {
    const unclear = heard("", 2, { replaces: 1, accepted: false });
    expect(texts(reduce(reopened, unclear))).toEqual([["user", "set a timer for ten", "refused"]]);
  });

  it("is closed by whatever ends the speech", () => {
    const error: ConversationEvent = {
      type: "error",
      code: "engine_failed",
      message: "",
      retryable: true,
      suggested_action: "",
      correlation_id: "c",
      client_seq: null,
    };
    const end = { type: "session_terminated", reason: "failed", message: "", resumable: true } as const;
    for (const event of [{ ...end, session_id: "s" }, error]) {
      expect(texts(reduce(reopened, event))).toEqual([["user", "set a timer for ten", "sent"]]);
    }
    expect(texts(reduce(reopened, heard("hello", 2)))).toEqual([
      ["user", "set a timer for ten", "sent"],
      ["user", "hello", "sent"],
    ]);
  });

  it("is not mistaken for one of another session", () => {
    const state = play(ready(), heard("old", 1), ready("s2"), heard("new", 2, { replaces: 1 }));
    expect(texts(state)).toEqual([["user", "new", "sent"]]);
  });
});

describe("an answer of no words", () => {
  it("is not shown", () => {
    const state = play(
      ready(),
      heard("uh-huh", 1),
      { type: "turn_started", turn: 1, origin: "voice" },
      { type: "response_complete", turn: 1, text: "", timings: TIMINGS },
      { ...TRACE, outcome: "complete", stopped: null, text_chars: 0, heard_chars: 0 },
    );
    expect(texts(state)).toEqual([["user", "uh-huh", "sent"]]);
    expect(state.activeTurn).toBeNull();
  });
});

describe("the record of a turn", () => {
  it("is kept with its answer", () => {
    const state = play(
      ready(),
      { type: "turn_started", turn: 1, origin: "voice" },
      { type: "stream_delta", turn: 1, text: "Once upon a time" },
      { type: "stream_interrupted", turn: 1, reason: "barge_in" },
      TRACE,
    );
    expect(state.entries[0]).toMatchObject({ status: "stopped", reason: "barge_in", trace: TRACE });
  });

  it("makes no answer where there is none", () => {
    const before = play(ready());
    expect(reduce(before, TRACE)).toBe(before);
  });
});
