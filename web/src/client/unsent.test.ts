import { describe, expect, it } from "vitest";
import { MAX_TEXT_BYTES, MAX_TEXTS, Unsent, type NumberedMessage } from "./unsent";

const text = (words: string): NumberedMessage => ({ type: "user_message", text: words });
const stop: NumberedMessage = { type: "interrupt", turn: 1 };

function said(...messages: NumberedMessage[]): Unsent {
  const unsent = new Unsent();
  for (const message of messages) unsent.add(message);
  return unsent;
}

const numbers = (unsent: Unsent) => unsent.pending.map((each) => each.seq);

describe("what was said", () => {
  it("is numbered from 1, and kept until the server has it", () => {
    const unsent = said(text("a"), stop, text("b"));
    expect(unsent.pending).toEqual([
      { seq: 1, message: text("a") },
      { seq: 2, message: stop },
      { seq: 3, message: text("b") },
    ]);
    unsent.acknowledge(2);
    expect(numbers(unsent)).toEqual([3]);
    unsent.acknowledge(1);
    expect(numbers(unsent)).toEqual([3]);
    expect(unsent.add(text("c")).seq).toBe(4);
  });

  it("begins with the first that the server may lack", () => {
    expect(new Unsent().first).toBe(1);
    const unsent = said(text("a"), text("b"));
    expect(unsent.first).toBe(1);
    unsent.acknowledge(1);
    expect(unsent.first).toBe(2);
    unsent.acknowledge(2);
    expect(unsent.first).toBe(3);
  });

  it("goes on behind what the server has, where this page knows of nothing", () => {
    const unsent = new Unsent();
    unsent.acknowledge(7);
    expect(unsent.last).toBe(7);
    expect(unsent.add(text("a")).seq).toBe(8);
  });

  it("can be numbered anew", () => {
    const unsent = said(text("a"), stop, text("b"));
    unsent.restart(1, 8);
    unsent.add(text("c"));
    expect(unsent.pending).toEqual([
      { seq: 1, message: text("a") },
      { seq: 9, message: text("c") },
    ]);
    unsent.shift(9, 3);
    expect(numbers(unsent)).toEqual([1, 12]);
    expect(unsent.add(text("d")).seq).toBe(13);
    unsent.restart(0, 0);
    expect([unsent.first, unsent.last]).toEqual([1, 0]);
  });
});

describe("room", () => {
  it("is there for a number of texts, however many other messages there are", () => {
    const unsent = said(...Array.from({ length: MAX_TEXTS }, () => stop));
    for (let i = 0; i < MAX_TEXTS; i++) {
      expect(unsent.hasRoom("a")).toBe(true);
      unsent.add(text("a"));
    }
    expect(unsent.hasRoom("a")).toBe(false);
    unsent.acknowledge(MAX_TEXTS + 1);
    expect(unsent.hasRoom("a")).toBe(true);
  });

  it("is counted in bytes as they travel", () => {
    const unsent = said(text("é".repeat(MAX_TEXT_BYTES / 2 - 1)));
    expect(unsent.hasRoom("ab")).toBe(true);
    expect(unsent.hasRoom("éa")).toBe(false);
  });
});
