import { describe, expect, it } from "vitest";
import type { HistoryEntry } from "../protocol/messages";
import { isFrame, Uplink, type Step, type Taken } from "./uplink";
import type { NumberedMessage } from "./unsent";

const FRAME = 320;
const text = (words: string): NumberedMessage => ({ type: "user_message", text: words });
const pcm = (value: number) => new Int16Array(FRAME).fill(value);
/** Nobody else has said anything. */
const taken = (client_seq: number, stream: number | null = null, samples = 0): Taken => ({
  client_seq,
  own_seq: client_seq,
  stream,
  samples,
});

const kept = (...texts: [number, string][]): HistoryEntry[] =>
  texts.map(([client_seq, text]) => ({
    turn: client_seq,
    speaker: "user",
    text,
    origin: "text",
    status: "complete",
    at: "",
    client_seq,
  }));

/** Short: a message as its type and number, a frame as stream, place, and first sample. */
const short = (steps: readonly Step[]) =>
  steps.map((step) =>
    isFrame(step)
      ? [step.stream, step.seq, step.offset, step.pcm[0]]
      : `${step.message.type} ${step.seq}`,
  );

/** A text, a closed stream with two frames, a text, and an open stream with two. */
function busy(): Uplink {
  const uplink = new Uplink();
  uplink.say(text("a"));
  uplink.open(16_000, "push_to_talk");
  uplink.capture(pcm(1));
  uplink.capture(pcm(2));
  uplink.close();
  uplink.say(text("b"));
  uplink.open(16_000, "hands_free");
  uplink.capture(pcm(3));
  uplink.capture(pcm(4));
  return uplink;
}

describe("what the server has", () => {
  it("is kept until it is safe, and said to another server that has it not", () => {
    const uplink = new Uplink();
    uplink.say(text("a"));
    uplink.say(text("b"));
    expect(uplink.missing(taken(2))).toEqual({ steps: [], numbers: new Map() });
    expect(uplink.first).toBe(1);
    const { steps, numbers } = uplink.renew({ ...taken(1), own_seq: 0 }, kept([1, "a"]));
    expect(short(steps)).toEqual(["user_message 2"]);
    expect(numbers).toEqual(new Map([[2, 2]]));
    uplink.acknowledge(2);
    expect(uplink.renew({ ...taken(0), own_seq: 0 }, []).steps).toEqual([]);
  });
});

describe("a session in which another page has spoken meanwhile", () => {
  it("gets what was said here under numbers that are free", () => {
    const uplink = busy();
    const { steps, numbers } = uplink.missing({ client_seq: 6, own_seq: 3, stream: 1, samples: 2 * FRAME });
    expect(short(steps)).toEqual([
      "user_message 7",
      "audio_open 8",
      [2, 0, 0, 3],
      [2, 1, FRAME, 4],
    ]);
    expect(numbers).toEqual(new Map([[4, 7]]));
    expect(uplink.first).toBe(1);
    expect(uplink.say(text("c")).seq).toBe(9);
    expect(uplink.missing({ client_seq: 9, own_seq: 9, stream: 2, samples: 2 * FRAME }).steps).toEqual([]);
  });

  it("gets streams of its own, where a number means one of the other page", () => {
    const uplink = busy();
    for (const step of uplink.everything()) if (!isFrame(step) || step.stream === 1) step.sent = true;
    const { steps } = uplink.missing({ client_seq: 7, own_seq: 4, stream: 2, samples: 5 });
    expect(short(steps)).toEqual(["audio_open 8", [3, 0, 0, 3], [3, 1, FRAME, 4]]);
    expect(uplink.capture(pcm(5))).toMatchObject({ stream: 3, seq: 2 });
  });

  it("after a restart, gets the text whose number is another page's", () => {
    const uplink = new Uplink();
    uplink.say(text("mine"));
    const { steps, numbers } = uplink.renew({ ...taken(1), own_seq: 0 }, kept([1, "theirs"]));
    expect(short(steps)).toEqual(["user_message 2"]);
    expect(numbers).toEqual(new Map([[1, 2]]));
  });
});
