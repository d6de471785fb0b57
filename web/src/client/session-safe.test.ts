/** What was typed until it is safe: the server may die with it, or another page may take over. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { texts } from "../stores/conversation-fixtures";
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

const newest = (): FakeSocket => sockets.at(-1) ?? expect.fail("no socket was opened");
const shown = (client: VoiceClient) => texts(client.conversation.getState()).map(([, text, status]) => [text, status]);

function start(): VoiceClient {
  stubAudio({});
  const client = new VoiceClient({ record: false });
  client.start();
  return client;
}

/** A client that drives session s1. */
function begun() {
  const client = start();
  newest().open();
  return { client, socket: newest() };
}

/** The network is gone and comes back; the server has not answered the page's wish yet. */
function reconnect(): FakeSocket {
  newest().die();
  vi.advanceTimersByTime(1_000);
  newest().accept();
  return newest();
}

/** What the page wanted behind its hello. */
const wish = (socket: FakeSocket) => socket.everything()[1];

describe("what is typed", () => {
  it("is kept until it is safe, though the server has it", () => {
    const { client } = begun();
    client.sendText("a");
    reconnect();
    newest().restored("s1", { client_seq: 1 });
    expect(newest().sent("user_message")).toEqual([]);
    reconnect();
    expect(wish(newest())).toMatchObject({ client_seq: 1 });
    newest().restored("s1", { epoch: "e2", client_seq: 0, history: [] });
    expect(newest().sent("user_message")).toMatchObject([{ text: "a", seq: 1 }]);
    expect(shown(client)).toEqual([["a", "sending"]]);
  });

  it.each<[string, { epoch: string; client_seq: number; own_seq: number; history?: boolean }]>([
    ["goes on", { epoch: "e1", client_seq: 3, own_seq: 1 }],
    ["goes on with its history", { epoch: "e1", client_seq: 3, own_seq: 1, history: true }],
    ["was restarted", { epoch: "e2", client_seq: 3, own_seq: 0, history: true }],
  ])("is not lost where another page spoke under the same number: the server %s", (_, { history, ...how }) => {
    const { client, socket } = begun();
    client.sendText("a");
    socket.say({ type: "message_received", client_seq: 1, turn: 1, seq: 1 });
    socket.die(4500);
    client.sendText("mine");
    client.run("reconnect");
    newest().accept();
    const theirs = ["a", "theirs", "more"].map((text, at) => ({
      turn: at + 1, speaker: "user", text, origin: "text", status: "complete", at: "", client_seq: at + 1,
    }));
    newest().restored("s1", { seq: 9, ...how, history: history ? theirs : null });
    expect(newest().sent("user_message")).toEqual([{ type: "user_message", text: "mine", seq: 4 }]);
    expect(shown(client).at(-1)).toEqual(["mine", "sending"]);
    newest().say({ type: "message_received", client_seq: 4, turn: 4, seq: 10 });
    expect(shown(client).at(-1)).toEqual(["mine", "sent"]);
  });
});
