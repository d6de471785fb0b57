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
const noticed = (client: VoiceClient) => client.connection.getState().notices.map((each) => each.id);
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

describe("a connection", () => {
  it("that another window took is given back on request only", () => {
    const { client, socket } = begun();
    socket.die(4500);
    expect(noticed(client)).toEqual(["opened_elsewhere"]);
    vi.advanceTimersByTime(600_000);
    document.dispatchEvent(new Event("visibilitychange"));
    expect(sockets).toHaveLength(1);
    client.run("reconnect");
    newest().accept();
    newest().restored("s1");
    expect(noticed(client)).toEqual([]);
  });

  it("to a server that is full is tried again later", () => {
    const client = start();
    newest().accept();
    newest().fail("capacity_exceeded");
    newest().die(1013);
    expect(client.connection.getState().connection).toMatchObject({ phase: "reconnecting", attempt: 1 });
    vi.advanceTimersByTime(1_000);
    newest().accept();
    newest().fail("capacity_exceeded");
    newest().die(1013);
    expect(client.connection.getState().connection).toMatchObject({ phase: "reconnecting", attempt: 2 });
    expect(noticed(client)).toEqual(["error:capacity_exceeded"]);
    vi.advanceTimersByTime(2_000);
    newest().open();
    expect(noticed(client)).toEqual([]);
  });

  it("keeps its session when something else fails", () => {
    const { client, socket } = begun();
    socket.fail("session_not_found"); // of a rename, say
    expect(socket.sent("create_session")).toHaveLength(1);
    expect(client.connection.getState().connection.phase).toBe("connected");
  });
});

describe("the end of a session", () => {
  const end = (more: object = {}) => ({
    type: "session_terminated",
    session_id: "s1",
    reason: "max_duration",
    message: "It was long.",
    resumable: true,
    ...more,
  });

  it("is told, and what is typed then goes on with it", () => {
    const { client, socket } = begun();
    socket.say(end());
    expect(noticed(client)).toEqual(["session_ended"]);
    client.sendText("and?");
    expect(socket.sent("user_message")).toEqual([]);
    expect(socket.sent("switch_session")).toEqual([
      { type: "switch_session", session_id: "s1", epoch: "e1", seq: 0, buffered: false, client_seq: 1, client: expect.any(String) as string },
    ]);
    socket.restored("s1", { epoch: "e2", history: [] });
    expect(socket.sent("user_message")).toMatchObject([{ text: "and?", seq: 1 }]);
    expect(noticed(client)).toEqual([]);
  });

  it("can be followed by another where it can't be gone on with", () => {
    const { client, socket } = begun();
    socket.say(end({ resumable: false, reason: "failed" }));
    client.sendText("and?");
    expect(socket.sent("create_session")).toHaveLength(2);
    socket.ready("s2");
    expect(socket.sent("user_message")).toMatchObject([{ text: "and?", seq: 1 }]);
    expect(shown(client)).toEqual([["and?", "sending"]]);
  });

  it("is followed by a new one at once where its user has deleted it", () => {
    const { client, socket } = begun();
    client.sendText("a");
    client.destroySession("s1");
    expect(socket.sent("destroy_session")).toEqual([{ type: "destroy_session", session_id: "s1" }]);
    socket.say(end({ reason: "destroyed", resumable: false }));
    expect(socket.sent("create_session")).toHaveLength(2);
    socket.ready("s2");
    expect(client.conversation.getState().entries).toEqual([]);
    expect(noticed(client)).toEqual([]);
    expect(socket.sent("user_message")).toHaveLength(1);
  });

  it("keeps what was said while it was on its way", () => {
    const { client, socket } = begun();
    client.sendText("and?");
    socket.fail("session_required", { client_seq: 1 });
    socket.say(end());
    expect(shown(client)).toEqual([["and?", "sending"]]);
    expect(noticed(client)).toEqual(["session_ended"]);
    client.run("continue");
    socket.restored("s1", { epoch: "e2", history: [] });
    expect(socket.sent("user_message")).toHaveLength(2);
  });

  it("of another session changes nothing here", () => {
    const { client, socket } = begun();
    socket.say(end({ session_id: "s9" }));
    expect(noticed(client)).toEqual([]);
    client.sendText("a");
    expect(socket.sent("user_message")).toHaveLength(1);
  });
});
