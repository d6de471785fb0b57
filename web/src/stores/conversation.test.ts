import { describe, expect, it } from "vitest";
import { EMPTY, lastTyped, reduce, type Conversation, type ConversationEvent } from "./conversation";
import { heard, play, ready, restored, texts, TIMINGS, WELCOME } from "./conversation-fixtures";

describe("a spoken turn", () => {
  const spoken: ConversationEvent[] = [
    ready(),
    { type: "speech_started", stream: 1, at: 0 },
    { type: "transcript_partial", text: "what" },
    { type: "transcript_partial", text: "what time" },
  ];

  it("shows the words while they come", () => {
    expect(play(...spoken).partial).toBe("what time");
    expect(play(...spoken, { type: "speech_ended", stream: 1, at: 9 }).partial).toBe("what time");
    expect(play(...spoken).entries).toEqual([]);
  });

  it("then shows question and answer", () => {
    const state = play(
      ...spoken,
      heard("what time is it", 1),
      { type: "turn_started", turn: 1, origin: "voice" },
      { type: "stream_delta", turn: 1, text: "It is " },
      { type: "stream_delta", turn: 1, text: "noon." },
    );
    expect(state.partial).toBeNull();
    expect(state.activeTurn).toBe(1);
    expect(texts(state)).toEqual([
      ["user", "what time is it", "sent"],
      ["assistant", "It is noon.", "streaming"],
    ]);
    const whole = reduce(state, {
      type: "response_complete",
      turn: 1,
      text: "It is noon.",
      timings: TIMINGS,
    });
    expect(whole.activeTurn).toBeNull();
    expect(whole.entries[1]).toMatchObject({ status: "complete", timings: TIMINGS });
  });

  it("shows speech that was refused, in its own words or without", () => {
    const state = play(
      ...spoken,
      heard("what dime", null, { accepted: false }),
      heard("", null, { accepted: false }),
    );
    expect(texts(state)).toEqual([
      ["user", "what dime", "refused"],
      ["user", "", "refused"],
    ]);
  });

  it("is given up when an error ends it that no message caused", () => {
    const error = {
      type: "error",
      code: "engine_failed",
      message: "The recogniser broke.",
      retryable: true,
      suggested_action: "Say it again.",
      correlation_id: "c",
    } as const;
    const state = play(...spoken);
    expect(reduce(state, { ...error, client_seq: null }).partial).toBeNull();
    expect(reduce(state, { ...error, client_seq: 6 }).partial).toBe("what time");
  });

  it("puts the question above an answer that came first", () => {
    const state = play(
      ready(),
      { type: "turn_started", turn: 4, origin: "voice" },
      heard("hello", 4),
    );
    expect(state.entries.map((entry) => entry.kind)).toEqual(["user", "assistant"]);
  });
});

describe("a typed turn", () => {
  const typed = play(ready(), { type: "local_typed", text: "help", clientSeq: 5 });

  it("is shown at once, and as sent when the server has it", () => {
    expect(texts(typed)).toEqual([["user", "help", "sending"]]);
    const state = reduce(typed, { type: "message_received", client_seq: 5, turn: 2 });
    expect(state.entries[0]).toMatchObject({ status: "sent", turn: 2 });
  });

  it("is shown as failed when the server refuses it", () => {
    const error = {
      type: "error",
      code: "invalid_message",
      message: "",
      retryable: false,
      suggested_action: "",
      correlation_id: "c",
    } as const;
    expect(texts(reduce(typed, { ...error, client_seq: 5 }))).toEqual([["user", "help", "failed"]]);
    expect(reduce(typed, { ...error, client_seq: 6 }).entries).toEqual(typed.entries);
    expect(reduce(typed, { ...error, client_seq: null })).toBe(typed);
  });
});

describe("what was typed last", () => {
  it("is found below what was spoken, delivered or not", () => {
    expect(lastTyped(EMPTY)).toBeNull();
    const state = play(
      ready(),
      { type: "local_typed", text: "help", clientSeq: 5 },
      { type: "local_typed", text: "what time is it", clientSeq: 6 },
      heard("stop", 3),
      { type: "local_disconnected" },
    );
    expect(lastTyped(state)).toBe("what time is it");
  });
});

describe("an answer that does not come to its end", () => {
  const running = play(
    ready(),
    { type: "turn_started", turn: 1, origin: "text" },
    { type: "stream_delta", turn: 1, text: "Once upon" },
  );

  it("stops, and takes nothing more", () => {
    const state = [
      { type: "stream_interrupted", turn: 1, reason: "new_turn" } as const,
      { type: "stream_delta", turn: 1, text: " a time" } as const,
      { type: "response_complete", turn: 1, text: "Once upon a time", timings: TIMINGS } as const,
    ].reduce<Conversation>(reduce, running);
    expect(state.activeTurn).toBeNull();
    expect(state.entries[0]).toMatchObject({
      text: "Once upon",
      status: "stopped",
      reason: "new_turn",
    });
  });

  it("stops at once on this side", () => {
    const state = reduce(running, { type: "local_stopped", turn: 1 });
    expect(state).toMatchObject({ activeTurn: null, entries: [{ status: "stopped" }] });
  });

  it("says what failed and what to do", () => {
    const state = reduce(running, {
      type: "stream_error",
      turn: 1,
      code: "engine_failed",
      message: "The voice broke.",
      retryable: true,
      suggested_action: "Ask again.",
      correlation_id: "c1",
    });
    expect(state.entries[0]).toMatchObject({
      text: "Once upon",
      status: "failed",
      failure: { message: "The voice broke.", advice: "Ask again.", reference: "c1" },
    });
  });

  it("stays as it is when the connection is lost, with everything else that was open", () => {
    const open = [
      { type: "local_typed", text: "wait", clientSeq: 9 } as const,
      { type: "transcript_partial", text: "and" } as const,
    ].reduce<Conversation>(reduce, running);
    expect(reduce(open, { type: "local_disconnected" })).toBe(open);
    const goesOn = [
      { type: "local_disconnected" } as const,
      WELCOME,
      restored(null),
      { type: "stream_delta", turn: 1, text: " a time" } as const,
      { type: "message_received", client_seq: 9, turn: 2 } as const,
    ].reduce<Conversation>(reduce, open);
    expect(texts(goesOn)).toEqual([
      ["assistant", "Once upon a time", "streaming"],
      ["user", "wait", "sent"],
    ]);
    expect(goesOn).toMatchObject({ activeTurn: 1, partial: "and" });
  });

  it("stops with its session, like everything else that was open", () => {
    const end = { type: "session_terminated", reason: "failed", message: "", resumable: true } as const;
    const open = reduce(running, { type: "transcript_partial", text: "and" });
    const state = reduce(open, { ...end, session_id: "s" });
    expect(state).toMatchObject({ activeTurn: null, partial: null });
    expect(state.entries).toMatchObject([{ text: "Once upon", status: "stopped", reason: null }]);
    expect(reduce(open, { ...end, session_id: "another" })).toBe(open);
  });

  it("does not end the turn that replaced it", () => {
    const state = [
      { type: "turn_started", turn: 2, origin: "text" } as const,
      { type: "stream_interrupted", turn: 1, reason: "new_turn" } as const,
    ].reduce<Conversation>(reduce, running);
    expect(state.activeTurn).toBe(2);
  });
});

describe("the rest", () => {
  it("keeps turns of different sessions apart", () => {
    const turn: ConversationEvent[] = [
      { type: "turn_started", turn: 1, origin: "text" },
      { type: "response_complete", turn: 1, text: "old", timings: TIMINGS },
    ];
    const old = play(ready(), ...turn);
    const state = [
      ready("s2"),
      { type: "response_complete", turn: 1, text: "new", timings: TIMINGS } as const,
    ].reduce<Conversation>(reduce, old);
    expect(texts(old)).toEqual([["assistant", "old", "complete"]]);
    expect(texts(state)).toEqual([["assistant", "new", "complete"]]);
    expect(state.entries[0]?.id).not.toBe(old.entries[0]?.id);
  });

  it("marks what the assistant says by itself", () => {
    const state = play(ready(), { type: "turn_started", turn: 3, origin: "assistant" });
    expect(state.entries[0]).toMatchObject({ origin: "assistant" });
  });

  it("ignores what is not its own, and what it does not know", () => {
    const before = play(ready());
    for (const event of [
      { type: "pong", nonce: "" },
      { type: "duck", turn: 1, gain: 0.3 },
      { type: "server_shutting_down", grace_s: 3 },
      WELCOME,
      { type: "input_ack", client_seq: 1, stream: null, samples: 0 },
      { type: "session_creating" },
      { type: "session_list", query: "", sessions: [], current: null },
      { type: "session_restarting", reason: "idle" },
      { type: "session_warning", remaining_seconds: 60 },
      { type: "from_the_future" } as unknown as ConversationEvent,
    ] as ConversationEvent[]) {
      expect(reduce(before, event)).toBe(before);
    }
  });

  it("lets go of old entries", () => {
    let state = play(ready());
    for (let i = 0; i < 500; i++) {
      state = reduce(state, { type: "local_typed", text: String(i), clientSeq: i });
    }
    expect(state.entries).toHaveLength(400);
    expect(state.entries.at(-1)).toMatchObject({ text: "499" });
  });
});
