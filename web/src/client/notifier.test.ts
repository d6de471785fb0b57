import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createConnectionStore } from "../stores/connection";
import { ready } from "../stores/conversation-fixtures";
import { stubAudio } from "./fake-audio";
import { stubBrowser, type FakeSocket } from "./fake-browser";
import { Notifier } from "./notifier";
import { REFRESH_MS } from "./session-list";
import { VoiceClient } from "./voice-client";

let sockets: FakeSocket[];

beforeEach(() => {
  vi.useFakeTimers();
  ({ sockets } = stubBrowser());
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const newest = (): FakeSocket => sockets.at(-1) ?? expect.fail("no socket was opened");
const noticed = (client: VoiceClient) => client.connection.getState().notices.map((each) => each.id);

/** A client that drives session s1; `commands` are those that its loudspeaker got. */
async function begun() {
  const { worklets } = stubAudio({});
  const client = new VoiceClient({ record: false });
  client.start();
  newest().open();
  await vi.advanceTimersByTimeAsync(0);
  const progress = (turn: number, played: number) =>
    worklets[0]?.port.onmessage?.({ data: { position: { turn, played, done: false }, totalPlayed: played, peak: 0 } });
  const commands = async () => {
    await vi.advanceTimersByTimeAsync(0);
    return worklets[0]?.port.postMessage.mock.calls.map(([command]) => command) ?? [];
  };
  return { client, socket: newest(), progress, commands };
}

it("is silent at once where another page goes on with the session, and has the speech again later", async () => {
  const { client, socket, progress, commands } = await begun();
  socket.say({ type: "turn_started", turn: 1, origin: "text", seq: 1 });
  socket.speak(1, 2);
  progress(1, 480);
  expect(client.audio.getState().speakingTurn).toBe(1);
  socket.die(4500);
  expect((await commands()).at(-1)).toEqual({ do: "reset" });
  expect(client.audio.getState().speakingTurn).toBeNull();
  client.run("reconnect");
  newest().accept();
  expect(newest().sent("resume")).toMatchObject([{ buffered: false, seq: 2 }]);
  newest().restored("s1", { seq: 2 });
  newest().speak(1, 2);
  expect((await commands()).at(-1)).toMatchObject({ do: "push", turn: 1 });
});

it("goes on playing what it has where only the network is lost", async () => {
  const { client, socket, progress, commands } = await begun();
  socket.speak(1, 1);
  progress(1, 480);
  socket.die();
  expect(await commands()).not.toContainEqual({ do: "stop", turn: 1 });
  expect((await commands()).at(-1)).toMatchObject({ do: "push" });
  expect(client.audio.getState().speakingTurn).toBe(1);
});

describe("a server that is full", () => {
  it("is told to who wants a new conversation, until there is one", async () => {
    const { client, socket } = await begun();
    client.createSession();
    socket.fail("capacity_exceeded");
    socket.restored("s1");
    expect(noticed(client)).toEqual(["error:capacity_exceeded"]);
    client.createSession();
    socket.fail("capacity_exceeded");
    socket.restored("s1");
    expect(noticed(client)).toEqual(["error:capacity_exceeded"]);
    client.createSession();
    socket.ready("s2");
    expect(noticed(client)).toEqual([]);
  });

  it("is told apart from one that is away", () => {
    stubAudio({});
    const client = new VoiceClient({ record: false });
    client.start();
    newest().accept();
    newest().fail("capacity_exceeded");
    newest().die(1013);
    expect(client.sessions.getState()).toMatchObject({ full: true, available: false });
    vi.advanceTimersByTime(1_000);
    newest().open();
    expect(client.sessions.getState()).toMatchObject({ full: false, available: true });
  });
});

describe("a conversation that was deleted", () => {
  const end = { type: "session_terminated", session_id: "s1", reason: "destroyed", message: "", resumable: false };

  it("by another page is not gone without a word", async () => {
    const { client, socket } = await begun();
    socket.say(end);
    socket.ready("s2");
    expect(client.connection.getState().notices).toMatchObject([
      { id: "session_deleted", title: "This conversation was deleted" },
    ]);
    client.createSession();
    socket.ready("s3");
    expect(noticed(client)).toEqual([]);
  });

  it("here is what was wanted", async () => {
    const { client, socket } = await begun();
    client.destroySession("s1");
    socket.say(end);
    socket.ready("s2");
    expect(noticed(client)).toEqual([]);
  });
});

it("asks for the list again when somebody looks at the page, but not all the time", async () => {
  const { socket } = await begun();
  vi.advanceTimersByTime(REFRESH_MS);
  const before = socket.sent("list_sessions").length;
  document.dispatchEvent(new Event("visibilitychange"));
  window.dispatchEvent(new Event("focus")); // comes with it
  expect(socket.sent("list_sessions")).toHaveLength(before + 1);
  vi.advanceTimersByTime(2 * REFRESH_MS);
  const later = socket.sent("list_sessions").length;
  window.dispatchEvent(new Event("focus"));
  expect(socket.sent("list_sessions")).toHaveLength(later + 1);
});

describe("the end of a session that has lasted for long", () => {
  function warned(remaining_seconds: number) {
    const store = createConnectionStore();
    const notifier = new Notifier(store, () => false);
    notifier.apply(ready("s1"));
    notifier.attached("s1");
    notifier.apply({ type: "session_warning", remaining_seconds });
    const titles = () => store.getState().notices.map((each) => each.title);
    const after = (seconds: number) => {
      vi.advanceTimersByTime(seconds * 1000);
      return titles();
    };
    return { store, notifier, titles, after };
  }

  it("is told as it comes nearer, and no longer when it is there", () => {
    const { titles, after } = warned(8 * 60);
    expect(titles()).toEqual(["This conversation ends in 8 minutes"]);
    expect(after(3 * 60 + 1)).toEqual(["This conversation ends in 5 minutes"]);
    expect(after(4 * 60)).toEqual(["This conversation ends in less than a minute"]);
    expect(after(60)).toEqual([]);
  });

  it("is not told again to who has dismissed it, nor in another session", () => {
    const dismissed = warned(8 * 60);
    dismissed.store.dismiss("session_warning");
    expect(dismissed.after(5 * 60)).toEqual([]);
    const { notifier, titles, after } = warned(8 * 60);
    notifier.attached("s2");
    expect(titles()).toEqual([]);
    expect(after(5 * 60)).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("stays where the network is lost, and goes with the session", () => {
    const { store, notifier, titles } = warned(3);
    notifier.stateChanged({ phase: "reconnecting", attempt: 1, attempts: 10 });
    notifier.attached("s1");
    expect(titles()).toEqual(["This conversation ends in less than a minute"]);
    const end = { type: "session_terminated", session_id: "s1", message: "It is over." } as const;
    notifier.apply({ ...end, reason: "max_duration", resumable: true });
    expect(store.getState().notices.map((each) => each.id)).toEqual(["session_ended"]);
  });
});
