import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { stubAudio } from "./fake-audio";
import { stubBrowser, type FakeSocket } from "./fake-browser";
import { VoiceClient } from "./voice-client";

let sockets: FakeSocket[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.99);
  ({ sockets } = stubBrowser());
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const FRAME = 320;
const newest = (): FakeSocket => sockets.at(-1) ?? expect.fail("no socket was opened");
const settle = () => vi.advanceTimersByTimeAsync(0);

/** A client that drives s1, with its loudspeaker (the first worklet) and microphone (the second). */
async function begun() {
  const { worklets } = stubAudio({});
  const client = new VoiceClient({ record: false });
  client.start();
  newest().open();
  await settle();
  const commands = () => worklets[0]?.port.postMessage.mock.calls.map(([command]) => command) ?? [];
  const progress = (turn: number, played: number, done = false) =>
    worklets[0]?.port.onmessage?.({
      data: { position: { turn, played, done }, totalPlayed: played, peak: 0 },
    });
  const listen = async () => {
    client.toggleHandsFree();
    await settle();
  };
  const speak = (...values: number[]) => {
    for (const value of values) {
      worklets[1]?.port.onmessage?.({ data: { pcm: new Int16Array(FRAME).fill(value), level: 0.1 } });
    }
  };
  return { client, socket: newest(), commands, progress, listen, speak };
}

async function reconnect(): Promise<FakeSocket> {
  await vi.advanceTimersByTimeAsync(1_000);
  newest().accept();
  return newest();
}

/** What was sent of the microphone: frames as stream, offset, and first sample. */
const voice = (socket: FakeSocket) =>
  socket.everything().flatMap((each): unknown[] => {
    if ("pcm" in each) return [[each.stream, each.offset, (each.pcm as Int16Array)[0]]];
    return String(each.type).startsWith("audio_") ? [`${String(each.type)} ${String(each.stream)}`] : [];
  });

it("goes on in mid-word: what was said while the network was away follows", async () => {
  const { client, socket, listen, speak } = await begun();
  await listen();
  speak(1, 2, 3);
  expect(voice(socket)).toEqual(["audio_open 1", [1, 0, 1], [1, FRAME, 2], [1, 2 * FRAME, 3]]);
  socket.die();
  speak(4, 5);
  expect(client.audio.getState().microphone.mode).toBe("hands_free");
  const again = await reconnect();
  speak(6);
  again.restored("s1", { client_seq: 1, stream: 1, samples: 2 * FRAME });
  speak(7);
  expect(voice(again)).toEqual([2, 3, 4, 5, 6].map((at) => [1, at * FRAME, at + 1]));
});

it("begins a stream with what another server has not understood", async () => {
  const { socket, listen, speak } = await begun();
  await listen();
  speak(1, 2, 3);
  socket.say({ type: "input_ack", client_seq: 1, stream: 1, samples: FRAME });
  socket.die();
  speak(4);
  const again = await reconnect();
  again.restored("s1", { epoch: "e2", history: [], client_seq: 1, stream: 1, samples: 2 * FRAME });
  speak(5);
  expect(voice(again)).toEqual(["audio_open 2", [2, 0, 3], [2, FRAME, 4], [2, 2 * FRAME, 5]]);
  expect(again.sent("audio_open")).toMatchObject([{ seq: 2 }]);
});

it("needs nothing again of what was transcribed", async () => {
  const { socket, listen, speak } = await begun();
  await listen();
  speak(1, 2);
  socket.say({ type: "transcript_final", text: "a", accepted: true, turn: 1, stream: 1, until: 2 * FRAME, seq: 1 });
  socket.die();
  const again = await reconnect();
  again.restored("s1", { epoch: "e2", history: [] });
  expect(voice(again)).toEqual(["audio_open 2"]);
});

it("ends its stream before it goes to another session", async () => {
  const { client, socket, listen, speak } = await begun();
  await listen();
  speak(1);
  client.createSession();
  speak(2);
  socket.ready("s2");
  speak(3);
  const wire = socket.everything().map((each) => ("pcm" in each ? "frame" : each.type));
  expect(wire.slice(wire.indexOf("audio_open"))).toEqual([
    "audio_open",
    "frame",
    "audio_close",
    "create_session",
    "list_sessions",
    "audio_open",
    "frame",
  ]);
  expect(voice(socket).slice(-2)).toEqual(["audio_open 1", [1, 0, 3]]);
});

it.each([4500, 1008])("is not recorded for nobody after close code %i", async (code) => {
  const { client, socket, listen, speak } = await begun();
  await listen();
  socket.die(code);
  speak(1);
  expect(client.audio.getState().microphone).toMatchObject({ handsFree: false, mode: null });
});

it("is recorded on where the server may still come back", async () => {
  const { client, socket, listen } = await begun();
  await listen();
  socket.die();
  for (let tries = 0; tries < 10; tries++) {
    await vi.advanceTimersByTimeAsync(30_000);
    newest().die();
  }
  expect(client.connection.getState().connection).toEqual({ phase: "offline", reason: "gave_up" });
  expect(client.audio.getState().microphone.handsFree).toBe(true);
});

it("plays on while the network is away, and then tells how far it came", async () => {
  const { socket, commands, progress } = await begun();
  socket.speak(1, 1);
  await settle();
  const before = commands().length;
  progress(1, 100);
  socket.die();
  progress(1, 4800, true);
  const again = await reconnect();
  again.restored("s1", { seq: 1 });
  await settle();
  expect(commands().slice(before)).toEqual([]);
  expect(again.sent("playback")).toEqual([{ type: "playback", turn: 1, played: 4800, done: true }]);
});

it("is silent where another server goes on, and tells nothing of what it does not know", async () => {
  const { socket, commands, progress } = await begun();
  socket.speak(1, 1);
  progress(1, 100);
  socket.die();
  const again = await reconnect();
  again.restored("s1", { epoch: "e2", history: [] });
  await settle();
  expect(commands().at(-1)).toEqual({ do: "reset" });
  expect(again.sent("playback")).toEqual([]);
});

it("is told what was chosen while the network was away, once", async () => {
  const { client, socket } = await begun();
  socket.die();
  client.setPatience(0.3);
  client.setPatience(0.9);
  client.setSpeak(false);
  const again = await reconnect();
  again.restored("s1");
  expect(again.sent("hello")).toMatchObject([{ speak: false }]);
  expect(again.sent("settings")).toEqual([{ type: "settings", patience: 0.9, seq: 1 }]);
});

it("has the last word on what was chosen just before the network was lost", async () => {
  const { client, socket } = await begun();
  client.setSpeak(false);
  client.setSpeak(true);
  client.setSpeak(false);
  expect(socket.sent("settings")).toHaveLength(3);
  client.setSpeak(true);
  socket.die();
  client.setSpeak(false);
  const again = await reconnect();
  again.restored("s1", { client_seq: 3 });
  expect(again.sent("settings").map((each) => each.speak)).toEqual([true, false]);
});
