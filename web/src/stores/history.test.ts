import { describe, expect, it } from "vitest";
import { questionOf, reduce, type Conversation, type ConversationEvent } from "./conversation";
import { heard, play, ready, restored, texts, TIMINGS, TRACE } from "./conversation-fixtures";

const typed = (text: string, clientSeq: number): ConversationEvent => ({
  type: "local_typed",
  text,
  clientSeq,
});
const delta = (turn: number, text: string): ConversationEvent => ({ type: "stream_delta", turn, text });
const after = (state: Conversation, ...events: ConversationEvent[]) => events.reduce(reduce, state);

describe("a session that was kept", () => {
  const history = restored([
    { turn: 1, text: "hello", origin: "voice" },
    { turn: 1, speaker: "assistant", text: "Hi.", origin: "voice" },
    { turn: 2, text: "tell me a story" },
    { turn: 2, speaker: "assistant", text: "Once upon", status: "interrupted" },
    { turn: 3, text: "go on" },
    { turn: 3, speaker: "assistant", text: "a time", status: "open" },
  ]);

  it("is shown as it was kept, and the answer in the making goes on", () => {
    const state = play(history, delta(3, " there was"));
    expect(texts(state)).toEqual([
      ["user", "hello", "sent"],
      ["assistant", "Hi.", "complete"],
      ["user", "tell me a story", "sent"],
      ["assistant", "Once upon", "stopped"],
      ["user", "go on", "sent"],
      ["assistant", "a time there was", "streaming"],
    ]);
    expect(state).toMatchObject({ activeTurn: 3, session: "s", partial: null });
    expect(state.entries.map((entry) => entry.kind === "user" && entry.via)).toMatchObject({ 0: "voice", 2: "text" });
    expect(new Set(state.entries.map((entry) => entry.id)).size).toBe(6);
  });

  it("replaces what the page had, and keeps what only the page knows", () => {
    const before = play(
      ready(),
      heard("hello", 1),
      { type: "turn_started", turn: 1, origin: "voice" },
      { type: "response_complete", turn: 1, text: "Hi.", timings: TIMINGS },
      { ...TRACE, outcome: "complete" },
      { type: "transcript_partial", text: "and" },
    );
    const state = reduce(before, history);
    expect(state.entries).toHaveLength(6);
    expect(state.partial).toBeNull();
    expect(state.entries[0]?.id).toBe(before.entries[0]?.id);
    expect(state.entries[1]).toMatchObject({ id: before.entries[1]?.id, timings: TIMINGS, trace: { turn: 1 } });
  });

  it("keeps what was typed and not taken, at its end", () => {
    const before = play(ready(), typed("taken", 4), typed("not taken", 5));
    const state = reduce(before, restored([{ text: "taken", client_seq: 4 }], { client_seq: 4 }));
    expect(texts(state)).toEqual([
      ["user", "taken", "sent"],
      ["user", "not taken", "sending"],
    ]);
    const received = reduce(state, { type: "message_received", client_seq: 5, turn: 2 });
    expect(texts(received).at(-1)).toEqual(["user", "not taken", "sent"]);
    expect(new Set(received.entries.map((entry) => entry.id)).size).toBe(2);
  });

  it("tells of what could not be made", () => {
    const state = play(restored([{ speaker: "assistant", status: "failed" }, { turn: 2, status: "failed" }]));
    expect(state.entries).toMatchObject([{ status: "failed", failure: { reference: "" } }, { status: "failed" }]);
  });

  it("lets go of what is too old to show", () => {
    const long = Array.from({ length: 500 }, (_, turn) => ({ turn: turn + 1, text: `${turn}` }));
    expect(play(restored(long)).entries).toHaveLength(400);
  });
});

describe("an answer that the server has lost", () => {
  const lost = (text: string) =>
    restored([{ text: "why" }, { speaker: "assistant", text, status: "lost" }], { epoch: "e2" });
  const before = play(ready(), heard("why", 1), delta(1, "Because of"));

  it("keeps the words that this page had of it, where they are more", () => {
    expect(texts(reduce(before, lost("")))).toEqual([
      ["user", "why", "sent"],
      ["assistant", "Because of", "lost"],
    ]);
    expect(texts(reduce(before, lost("Because of the moon"))).at(-1)?.[1]).toBe("Because of the moon");
    expect(reduce(before, lost("")).activeTurn).toBeNull();
  });

  it("does not keep words of another session", () => {
    const other = after(before, ready("s2"), heard("when", 1), delta(1, "In a thousand years"));
    expect(texts(reduce(other, lost(""))).at(-1)?.[1]).toBe("");
  });

  it("has a question that can be asked again", () => {
    expect(questionOf(reduce(before, lost("")), 1)).toBe("why");
    expect(questionOf(before, 2)).toBeNull();
  });
});

describe("a session that goes on", () => {
  it("changes nothing", () => {
    const before = play(ready(), typed("a", 1), delta(1, "Well"), { type: "transcript_partial", text: "b" });
    expect(reduce(before, restored(null))).toEqual(before);
  });
});

describe("a session that begins", () => {
  it("is empty but for what is still to be said", () => {
    const before = play(ready(), typed("old", 1), { type: "message_received", client_seq: 1, turn: 1 }, typed("new", 2));
    const state = after(before, ready("s2"), { type: "local_renumbered", numbers: new Map([[2, 1]]) });
    expect(texts(state)).toEqual([["user", "new", "sending"]]);
    expect(state.entries[0]).toMatchObject({ session: "s2", clientSeq: 1 });
    expect(texts(reduce(state, { type: "message_received", client_seq: 1, turn: 1 }))).toEqual([["user", "new", "sent"]]);
  });

  it("takes other numbers only for what is still to be said", () => {
    const before = play(ready(), typed("a", 1), { type: "message_received", client_seq: 1, turn: 1 }, typed("b", 2));
    const state = reduce(before, { type: "local_renumbered", numbers: new Map([[1, 7], [2, 8]]) });
    expect(state.entries).toMatchObject([{ clientSeq: 1 }, { clientSeq: 8 }]);
  });
});
