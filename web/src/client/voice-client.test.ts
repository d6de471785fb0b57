import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { stubAudio } from "./fake-audio";
import { VoiceClient } from "./voice-client";

class FakeSocket {
  readyState = 1;
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  send = vi.fn();
  close = vi.fn();

  constructor() {
    sockets.push(this);
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

const WELCOME = { type: "welcome", protocol: 1, output_rate: 48_000, max_text: 100 };

let sockets: FakeSocket[];

beforeEach(() => {
  sockets = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => vi.unstubAllGlobals());

const settle = () => new Promise((resolve) => setTimeout(resolve));
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
    newest().say(WELCOME);
    client.toggleHandsFree();
    expect(client.audio.getState().microphone.handsFree).toBe(true);
    newest().onclose?.();
    client.toggleHandsFree();
    expect(client.audio.getState().microphone.handsFree).toBe(false);
  });

  it("is left alone on an insecure page", () => {
    stubAudio({ secure: false });
    const client = new VoiceClient({ record: false });
    client.start();
    newest().say(WELCOME);
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
    newest().say(WELCOME);
    expect(noticed(client)).toEqual(["microphone_denied"]);
  });
});

it("rings for what the assistant says by itself, also with answers not spoken", () => {
  const { contexts } = stubAudio({});
  const client = new VoiceClient({ record: false });
  client.start();
  newest().say(WELCOME);
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
  newest().onclose?.();
  expect(sockets).toHaveLength(1);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(sockets).toHaveLength(2);
});
