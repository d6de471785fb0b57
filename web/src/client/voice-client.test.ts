import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { stubAudio } from "./fake-audio";
import { stubBrowser, type FakeSocket } from "./fake-browser";
import { VoiceClient } from "./voice-client";

let sockets: FakeSocket[];
let kept: Map<string, string>;

beforeEach(() => {
  vi.useFakeTimers();
  ({ sockets, kept } = stubBrowser());
});
afterEach(() => {
  vi.useRealTimers(); // with all that still wanted to connect again
  vi.unstubAllGlobals();
});

const settle = () => vi.advanceTimersByTimeAsync(0);
const newest = (): FakeSocket => sockets.at(-1) ?? expect.fail("no socket was opened");
const noticed = (client: VoiceClient) => client.connection.getState().notices.map((each) => each.id);

it.each([true, false])("tells when there can be no sound: worklet loads %s", async (loads) => {
  stubAudio({ loads });
  const client = new VoiceClient({ record: false });
  await settle();
  expect(client.audio.getState()).toMatchObject({ canPlay: loads, speak: true });
  expect(noticed(client)).toEqual(loads ? [] : ["playback_failed"]);
});

describe("the microphone", () => {
  const press = (client: VoiceClient): void => {
    client.pressStart();
    client.pressHeld();
    client.pressEnd();
    client.toggleHandsFree();
  };

  it("is left alone while the server is away, without a complaint", async () => {
    stubAudio({});
    const client = new VoiceClient({ record: false });
    client.start();
    press(client);
    await settle();
    expect(client.audio.getState().microphone).toMatchObject({ handsFree: false, opening: false });
    expect(noticed(client)).toEqual([]);
    newest().open();
    client.toggleHandsFree();
    expect(client.audio.getState().microphone.handsFree).toBe(true);
    newest().die();
    client.toggleHandsFree();
    expect(client.audio.getState().microphone.handsFree).toBe(false);
  });

  it("is left alone on an insecure page", () => {
    stubAudio({ secure: false });
    const client = new VoiceClient({ record: false });
    client.start();
    newest().open();
    press(client);
    expect(client.audio.getState()).toMatchObject({ canListen: false, microphone: { handsFree: false } });
    expect(noticed(client)).toEqual(["insecure_context"]);
  });

  it("has its complaints forgotten with the next connection", () => {
    stubAudio({});
    const client = new VoiceClient({ record: false });
    client.start();
    for (const id of ["microphone_failed", "error:backpressure", "microphone_denied"]) {
      client.connection.notify({ id, tone: "error", title: id, advice: "" });
    }
    newest().open();
    expect(noticed(client)).toEqual(["microphone_denied"]);
  });
});

it("rings for what the assistant says by itself, also with answers not spoken", () => {
  const { contexts } = stubAudio({});
  const client = new VoiceClient({ record: false });
  client.start();
  newest().open();
  client.setSpeak(false);
  newest().say({ type: "turn_started", turn: 1, origin: "text" });
  expect(contexts[0]?.tones).toEqual([]);
  newest().say({ type: "turn_started", turn: 2, origin: "assistant" });
  expect(contexts[0]?.tones).toHaveLength(2);
});

it("connects again when the tab is seen again", () => {
  stubAudio({});
  const client = new VoiceClient({ record: false });
  client.start();
  newest().die();
  expect(sockets).toHaveLength(1);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(sockets).toHaveLength(2);
});

/** A client whose server has welcomed it; `progress` is what its loudspeaker tells. */
async function welcomed(device: Parameters<typeof stubAudio>[0] = {}) {
  const { worklets } = stubAudio(device);
  const client = new VoiceClient({ record: false });
  client.start();
  newest().open();
  await settle();
  const progress = (turn: number, played: number, done = false) =>
    worklets.at(-1)?.port.onmessage?.({
      data: { position: { turn, played, done }, totalPlayed: played, peak: 0 },
    });
  const commands = () => worklets.at(-1)?.port.postMessage.mock.calls.map(([command]) => command);
  return { client, socket: newest(), progress, commands };
}

describe("what is played", () => {
  it("is promised to be told by whoever can play", async () => {
    const { socket } = await welcomed();
    expect(socket.sent("hello")).toMatchObject([{ reports_playback: true, output_rate: 48_000 }]);
    const silent = await welcomed({ secure: false });
    expect(silent.socket.sent("hello")[0]).not.toHaveProperty("reports_playback");
  });

  it("is told while it plays, and at once when it stops", async () => {
    const { client, socket, progress, commands } = await welcomed();
    socket.say({ type: "turn_started", turn: 1, origin: "text" });
    socket.speak(1);
    progress(1, 2400);
    progress(1, 4800);
    client.interrupt();
    await settle();
    expect(commands()).toContainEqual({ do: "stop", turn: 1 });
    progress(1, 5000, true);
    expect(socket.sent("playback")).toMatchObject([
      { turn: 1, played: 2400, done: false },
      { turn: 1, played: 5000, done: true },
    ]);
    expect(socket.sent("interrupt")).toMatchObject([{ turn: 1 }]);
  });

  it("stops for who wants to read instead, also before it began", async () => {
    const { client, socket, progress, commands } = await welcomed();
    socket.say({ type: "turn_started", turn: 1, origin: "text" });
    client.setSpeak(false);
    await settle();
    expect(commands()).toContainEqual({ do: "stop", turn: 1 });
    progress(1, 0, true);
    socket.speak(1);
    expect(socket.sent("playback")).toMatchObject([{ turn: 1, played: 0, done: true }]);
  });

  it("is given up when it turns out that there can be no sound", async () => {
    stubAudio({ loads: false });
    const client = new VoiceClient({ record: false });
    client.start();
    newest().open();
    newest().speak(1);
    expect(newest().sent("playback")).toEqual([]);
    await settle();
    newest().speak(2);
    expect(newest().sent("playback")).toMatchObject([
      { turn: 1, played: 0, done: true },
      { turn: 2, played: 0, done: true },
    ]);
  });

  it("follows the server's word to play softly", async () => {
    const { socket, commands } = await welcomed();
    socket.say({ type: "duck", turn: 1, gain: 0.3 });
    await settle();
    expect(commands()).toContainEqual({ do: "duck", turn: 1, gain: 0.3 });
  });

  it("is not held for an end that comes before the browser allows any sound", async () => {
    const { socket, commands } = await welcomed({ state: "suspended" });
    socket.say({ type: "turn_started", turn: 1, origin: "text" });
    socket.say({ type: "response_complete", turn: 1, text: "x", timings: {} });
    await settle();
    expect(commands()).toContainEqual({ do: "stop", turn: 1 });
  });
});

it("knows the machine's temperature while it is connected, and only then", async () => {
  const { client, socket } = await welcomed();
  socket.say({ type: "thermal", state: "single", temperature_c: 81, for_s: 1, flags: [], history: [] });
  expect(client.thermal.getState().newest).toMatchObject({ state: "single", temperature_c: 81 });
  socket.die();
  expect(client.thermal.getState()).toMatchObject({ newest: null, samples: [] });
});

describe("patience", () => {
  it("is the server's until the user has chosen, and told then and with each connection", async () => {
    const { client, socket } = await welcomed();
    expect(socket.sent("settings")).toEqual([]);
    client.setPatience(0.8);
    expect(socket.sent("settings")).toMatchObject([{ patience: 0.8 }]);
    expect(socket.sent("settings")[0]).not.toHaveProperty("speak");
    const again = await welcomed();
    expect(again.client.audio.getState().patience).toBe(0.8);
    expect(again.socket.sent("settings")).toMatchObject([{ patience: 0.8 }]);
  });

  it("can be left to the server again", async () => {
    const { client, socket } = await welcomed();
    client.setPatience(0.8);
    client.setPatience(null);
    expect(socket.sent("settings").at(-1)).toMatchObject({ patience: 0.5 });
    expect(kept.has("voicechat.patience")).toBe(false);
  });

  it("is not taken from a spoilt memory", () => {
    for (const spoilt of ["", "NaN", "7", "-1"]) {
      kept.set("voicechat.patience", spoilt);
      stubAudio({});
      expect(new VoiceClient({ record: false }).audio.getState().patience).toBeNull();
    }
  });
});
