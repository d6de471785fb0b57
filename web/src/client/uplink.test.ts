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

describe("a session that went on without us", () => {
  it("is sent all that it lacks, in order", () => {
    expect(short(busy().missing(taken(0)).steps)).toEqual([
      "user_message 1",
      "audio_open 2",
      [1, 0, 0, 1],
      [1, 1, FRAME, 2],
      "audio_close 3",
      "user_message 4",
      "audio_open 5",
      [2, 0, 0, 3],
      [2, 1, FRAME, 4],
    ]);
  });

  it("is sent no frame that came before a message that it has", () => {
    expect(short(busy().missing(taken(4, 1, FRAME)).steps)).toEqual([
      "audio_open 5",
      [2, 0, 0, 3],
      [2, 1, FRAME, 4],
    ]);
  });

  it("is sent the rest of a stream to the sample, and the stream goes on", () => {
    const uplink = busy();
    expect(short(uplink.missing(taken(5, 2, FRAME + 20)).steps)).toEqual([[2, 1, FRAME + 20, 4]]);
    expect(uplink.capture(pcm(5))).toMatchObject({ stream: 2, seq: 2, offset: 2 * FRAME });
    expect(uplink.close()).toEqual({ seq: 6, message: { type: "audio_close", stream: 2 } });
    expect(uplink.close()).toBeNull();
    expect(uplink.capture(pcm(6))).toBeNull();
  });

  it("is told of no stream twice: new ones count on from those that it knows", () => {
    const uplink = new Uplink();
    expect(uplink.missing(taken(7, 3, 900)).steps).toEqual([]);
    expect(uplink.open(16_000, "hands_free")).toMatchObject({ seq: 8, message: { stream: 4 } });
  });

  it("needs nothing that was acknowledged and settled", () => {
    const uplink = busy();
    uplink.acknowledge(5);
    uplink.settle(2, 2 * FRAME);
    expect(uplink.first).toBe(6);
    expect(uplink.everything()).toEqual([]);
  });
});

describe("another server, that knows only what was kept", () => {
  it("gets what it lacks in streams of their own", () => {
    const uplink = busy();
    for (const step of uplink.everything()) step.sent = true;
    const { numbers } = uplink.renew(taken(1, 1, FRAME), kept([1, "a"]));
    expect(short(uplink.everything())).toEqual([
      "audio_open 2",
      [3, 0, 0, 2],
      "audio_close 3",
      "user_message 4",
      "audio_open 5",
      [4, 0, 0, 3],
      [4, 1, FRAME, 4],
    ]);
    expect(numbers).toEqual(new Map([[4, 4]]));
    expect(uplink.capture(pcm(5))).toMatchObject({ stream: 4, seq: 2, offset: 2 * FRAME });
  });

  it("is opened the stream whose begin is long acknowledged", () => {
    const uplink = busy();
    uplink.acknowledge(5);
    uplink.settle(2, FRAME);
    const { numbers } = uplink.renew(taken(5, 2, FRAME + 100), kept([1, "a"], [4, "b"]));
    expect(short(uplink.everything())).toEqual(["audio_open 6", [3, 0, 0, 4]]);
    expect(uplink.everything()[1]).toHaveProperty("pcm.length", FRAME - 100);
    expect(numbers.size).toBe(0);
    expect(uplink.capture(pcm(5))).toMatchObject({ seq: 1, offset: FRAME - 100 });
  });

  it("is opened the stream in which nothing is left to say", () => {
    const uplink = busy();
    uplink.acknowledge(5);
    uplink.settle(2, 2 * FRAME);
    uplink.renew(taken(5, 2, 2 * FRAME), []);
    expect(uplink.everything()).toEqual([
      {
        seq: 6,
        message: { type: "audio_open", stream: 3, rate: 16_000, mode: "hands_free" },
      },
    ]);
  });

  it("is not told of streams of which nothing is left, nor to interrupt turns of before", () => {
    const uplink = new Uplink();
    uplink.open(16_000, "hands_free");
    uplink.close();
    uplink.say({ type: "interrupt", turn: 3 });
    uplink.say({ type: "settings", speak: true });
    uplink.say(text("a"));
    expect(uplink.renew(taken(0), []).numbers).toEqual(new Map([[5, 1]]));
    expect(short(uplink.everything())).toEqual(["user_message 1"]);
    expect(uplink.open(16_000, "hands_free")).toMatchObject({ seq: 2, message: { stream: 2 } });
  });

  it("closes a stream whose end it may have known", () => {
    const uplink = busy();
    uplink.close();
    uplink.acknowledge(6);
    uplink.renew(taken(6), []);
    expect(short(uplink.everything())).toEqual([
      "audio_open 7",
      [3, 0, 0, 1],
      [3, 1, FRAME, 2],
      "audio_close 8",
      "audio_open 9",
      [4, 0, 0, 3],
      [4, 1, FRAME, 4],
      "audio_close 10",
    ]);
    expect(uplink.capture(pcm(5))).toBeNull();
  });
});

it("closes what has ended before it opens what goes on", () => {
  const uplink = new Uplink();
  uplink.open(16_000, "push_to_talk");
  uplink.capture(pcm(1));
  uplink.close();
  uplink.open(16_000, "hands_free");
  uplink.acknowledge(3);
  uplink.renew(taken(3), []);
  expect(short(uplink.everything())).toEqual([
    "audio_open 4",
    [3, 0, 0, 1],
    "audio_close 5",
    "audio_open 6",
  ]);
});

it("says what was kept in a session that begins, from number 1", () => {
  const uplink = busy();
  uplink.acknowledge(3);
  expect(uplink.beginAnew().numbers).toEqual(new Map([[4, 3]]));
  expect(short(uplink.everything())).toEqual([
    "audio_open 1",
    [3, 0, 0, 1],
    [3, 1, FRAME, 2],
    "audio_close 2",
    "user_message 3",
    "audio_open 4",
    [4, 0, 0, 3],
    [4, 1, FRAME, 4],
  ]);
});

/** Numbers in [0, 1) that are the same in each run. */
function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

/** A server that takes what it is sent, and insists on order. */
class Server {
  client_seq = 0;
  own_seq = 0;
  stream: number | null = null;
  samples = 0;
  texts: string[] = [];
  heard: number[] = [];

  take(step: Step): void {
    if (isFrame(step)) {
      expect(step.stream).toBe(this.stream);
      expect(step.offset).toBe(this.samples);
      this.samples += step.pcm.length;
      this.heard.push(...step.pcm);
      return;
    }
    expect(step.seq).toBe(this.client_seq + 1);
    this.client_seq = this.own_seq = step.seq;
    if (step.message.type === "user_message") this.texts.push(step.message.text);
    if (step.message.type === "audio_open") {
      expect(step.message.stream).toBeGreaterThan(this.stream ?? 0);
      this.stream = step.message.stream;
      this.samples = 0;
    }
  }
}

it("loses and doubles nothing, wherever the network is cut", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const chance = chances(seed);
    const uplink = new Uplink();
    const server = new Server();
    const said: string[] = [];
    const spoken: number[] = [];
    let cable: Step[] | null = []; // null: the network is away
    const send = (step: Step | null): void => {
      if (step !== null) cable?.push(step);
    };
    for (let i = 0; i < 120; i++) {
      const what = Math.floor(chance() * 10);
      if (what === 0) {
        said.push(String(i));
        send(uplink.say(text(String(i))));
      } else if (what === 1) {
        send(uplink.close());
        send(uplink.open(16_000, "hands_free"));
      } else if (what <= 4) {
        const frame = uplink.capture(Int16Array.from([i, -i]));
        if (frame !== null) spoken.push(i, -i);
        send(frame);
      } else if (what === 5) {
        if (cable !== null) uplink.acknowledge(Math.floor(chance() * (server.own_seq + 1)));
        uplink.settle(server.stream, Math.floor(chance() * (server.samples + 1)));
      } else if (what === 6) {
        for (const step of cable?.splice(0, Math.floor(chance() * 6)) ?? []) server.take(step);
      } else if (what === 7) {
        cable = null;
      } else if (what === 8) {
        cable = null; // another page takes over and says something
        server.client_seq += 1;
      } else {
        cable ??= uplink.missing(server).steps;
      }
    }
    for (const step of cable ?? []) server.take(step);
    for (const step of uplink.missing(server).steps) server.take(step);
    expect(server.texts).toEqual(said);
    expect(server.heard).toEqual(spoken);
  }
});
