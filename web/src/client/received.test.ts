import { describe, expect, it } from "vitest";
import { ACK_AFTER_ITEMS, ACK_AFTER_MS, Received } from "./received";

/** A session of which `count` messages have come, at time 0. */
function after(count: number): Received {
  const received = new Received();
  for (let seq = 1; seq <= count; seq++) received.take(seq, "message", 0);
  return received;
}

describe("what has come", () => {
  it("is taken once, with holes, text and speech counted together", () => {
    const received = new Received();
    const come = [1, 2, 2, 5, 3, 5, 6].map((seq, at) =>
      received.take(seq, at % 2 === 0 ? "message" : "speech", 0),
    );
    expect(come).toEqual([true, true, false, true, false, false, true]);
    expect(received.largest).toBe(6);
  });

  it("includes old speech where that was asked for, until something new comes", () => {
    const received = after(5);
    received.goOn(true);
    expect(received.take(4, "speech", 0)).toBe(true);
    expect(received.take(4, "message", 0)).toBe(false);
    expect(received.take(5, "speech", 0)).toBe(true);
    expect(received.largest).toBe(5);
    expect(received.take(6, "message", 0)).toBe(true);
    expect(received.take(5, "speech", 0)).toBe(false);
  });

  it("does not include old speech where this page still has it", () => {
    const received = after(5);
    received.goOn(false);
    expect(received.take(5, "speech", 0)).toBe(false);
  });

  it("counts from elsewhere after a restart", () => {
    const received = after(9);
    received.restart(3, true);
    expect(received.dueIn(1000)).toBeNull();
    expect(received.take(3, "message", 0)).toBe(false);
    expect(received.take(3, "speech", 0)).toBe(true);
    expect(received.take(4, "message", 0)).toBe(true);
  });
});

describe("an acknowledgement", () => {
  it("is not due for nothing, nor twice", () => {
    expect(new Received().dueIn(1000)).toBeNull();
    const received = after(2);
    expect(received.acknowledge()).toBe(2);
    expect(received.dueIn(1000)).toBeNull();
    received.take(2, "message", 1000);
    expect(received.dueIn(1000)).toBeNull();
  });

  it("is due a quarter of a second after the first that it covers", () => {
    const received = new Received();
    received.take(1, "message", 100);
    expect(received.dueIn(100)).toBe(ACK_AFTER_MS);
    received.take(2, "speech", 200);
    expect(received.dueIn(200)).toBe(150);
    expect(received.dueIn(900)).toBe(0);
    received.acknowledge();
    received.take(3, "speech", 1000);
    expect(received.dueIn(1000)).toBe(ACK_AFTER_MS);
  });

  it("is due at once when many have come", () => {
    expect(after(ACK_AFTER_ITEMS - 1).dueIn(0)).toBe(ACK_AFTER_MS);
    expect(after(ACK_AFTER_ITEMS).dueIn(0)).toBe(0);
  });
});
