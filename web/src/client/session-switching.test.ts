import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { texts } from "../stores/conversation-fixtures";
import { stubAudio } from "./fake-audio";
import { stubBrowser, type FakeSocket } from "./fake-browser";
import { REFRESH_MS } from "./session-list";
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

/** Of everything that was sent. */
const types = (socket: FakeSocket) => socket.everything().map((each) => ("pcm" in each ? "frame" : each.type));

describe("switching", () => {
  /** A client that talked in s1 and went on to s2. */
  function switched() {
    const { client, socket } = begun();
    client.sendText("one");
    socket.say({ type: "message_received", client_seq: 1, turn: 1, seq: 1 });
    client.createSession();
    socket.ready("s2");
    client.sendText("two");
    return { client, socket };
  }

  it("begins a session beside the one that goes on", () => {
    const { client, socket } = begun();
    client.sendText("one");
    client.createSession();
    expect(client.sessions.getState()).toMatchObject({ current: "s1", switching: true });
    expect(client.sendText("too early")).toBe(false);
    // What was on its way is still of the old one.
    socket.say({ type: "stream_delta", turn: 1, text: "An", seq: 1 });
    expect(shown(client)).toEqual([["one", "sending"], ["An", "streaming"]]);
    socket.ready("s2");
    expect(client.sessions.getState()).toMatchObject({ current: "s2", switching: false });
    expect(client.conversation.getState().entries).toEqual([]);
    expect(client.sendText("two")).toBe(true);
    expect(socket.sent("user_message").at(-1)).toMatchObject({ text: "two", seq: 1 });
  });

  it("comes back to where a session was", () => {
    const { client, socket } = switched();
    client.switchSession("s1");
    expect(socket.sent("switch_session")).toEqual([
      { type: "switch_session", session_id: "s1", epoch: "e1", seq: 1, buffered: false, client_seq: 1, client: expect.any(String) as string },
    ]);
    socket.restored("s1", { seq: 1, client_seq: 1 });
    expect(shown(client)).toEqual([["one", "sent"]]);
    socket.say({ type: "stream_delta", turn: 1, text: "Answer", seq: 2 });
    expect(shown(client).at(-1)).toEqual(["Answer", "streaming"]);
    expect(client.sendText("more")).toBe(true);
    expect(socket.sent("user_message").at(-1)).toMatchObject({ text: "more", seq: 2 });
  });

  it("shows a session that the page does not know from its history", () => {
    const { client, socket } = switched();
    client.switchSession("s9");
    expect(socket.sent("switch_session")).toEqual([
      { type: "switch_session", session_id: "s9", buffered: false, client_seq: 1, client: expect.any(String) as string },
    ]);
    const said = { turn: 4, speaker: "user", text: "old", origin: "text", status: "complete", at: "" };
    socket.restored("s9", { epoch: "e9", seq: 70, client_seq: 12, history: [{ ...said, client_seq: 12 }] });
    expect(shown(client)).toEqual([["old", "sent"]]);
    expect(client.sessions.getState().current).toBe("s9");
  });

  it("is silent, and has speech that was not played sent again", async () => {
    const { worklets } = stubAudio({});
    const client = new VoiceClient({ record: false });
    client.start();
    newest().open();
    await vi.advanceTimersByTimeAsync(0);
    const commands = () => worklets[0]?.port.postMessage.mock.calls.map(([command]) => command) ?? [];
    newest().speak(1, 1);
    client.createSession();
    newest().ready("s2");
    await vi.advanceTimersByTimeAsync(0);
    expect(commands().at(-1)).toEqual({ do: "reset" });
    newest().speak(1, 1); // of s2
    client.switchSession("s1");
    newest().restored("s1", { seq: 1 });
    newest().speak(1, 1);
    await vi.advanceTimersByTimeAsync(0);
    expect(commands().slice(-3)).toMatchObject([{ do: "push" }, { do: "reset" }, { do: "push", turn: 1 }]);
    newest().say({ type: "stream_delta", turn: 1, text: "x", seq: 2 });
    const before = commands().length;
    newest().speak(1, 1);
    await vi.advanceTimersByTimeAsync(0);
    expect(commands()).toHaveLength(before);
  });

  it("stays where it was when it can't be done", () => {
    const { client, socket } = switched();
    client.switchSession("gone");
    socket.fail("session_not_found");
    expect(client.sessions.getState()).toMatchObject({ current: "s2", switching: false });
    expect(socket.sent("switch_session").at(-1)).toMatchObject({ session_id: "s2", buffered: true, seq: 0 });
    socket.restored("s2", { client_seq: 1 });
    expect(shown(client)).toEqual([["two", "sending"]]);
    expect(noticed(client)).toEqual(["error:session_not_found"]);
    client.sendText("three");
    expect(socket.sent("user_message").at(-1)).toMatchObject({ text: "three", seq: 2 });
  });

  it("is one at a time, and only with a server", () => {
    const { client, socket } = switched();
    client.switchSession("s2");
    client.switchSession("s1");
    client.switchSession("s9");
    client.createSession();
    expect(socket.sent("switch_session")).toHaveLength(1);
    expect(socket.sent("create_session")).toHaveLength(2);
    const early = start();
    newest().accept();
    early.switchSession("s9");
    early.createSession();
    expect(types(newest())).toEqual(["hello", "resume"]);
    const other = begun();
    other.socket.die();
    other.client.switchSession("s1");
    other.client.createSession();
    expect(other.client.sessions.getState().switching).toBe(false);
  });

  it("is gone on with when the network is lost meanwhile", () => {
    const { client, socket } = switched();
    client.switchSession("s1");
    socket.die();
    vi.advanceTimersByTime(1_000);
    newest().accept();
    expect(newest().everything()[1]).toMatchObject({ type: "resume", session_id: "s1", buffered: false });
    newest().restored("s1", { seq: 1, client_seq: 1 });
    expect(shown(client)).toEqual([["one", "sent"]]);
  });
});

it("leaves it to a server that drives nothing to begin another in place of what is gone", () => {
  const { client, socket } = begun();
  client.switchSession("gone");
  socket.die();
  vi.advanceTimersByTime(1_000);
  newest().accept();
  newest().fail("storage_failed");
  newest().die(1013);
  expect(types(newest())).toEqual(["hello", "switch_session"]);
  vi.advanceTimersByTime(2_000);
  newest().accept();
  newest().fail("session_not_found");
  newest().ready("s3");
  expect(types(newest())).toEqual(["hello", "switch_session", "list_sessions"]);
  expect(client.sessions.getState()).toMatchObject({ current: "s3", switching: false });
});

describe("the list of sessions", () => {
  const complete = { type: "response_complete", turn: 1, text: "x", timings: {} };

  it("is asked for again when an answer is there, but not all the time", () => {
    const { socket } = begun();
    for (let seq = 1; seq < 9; seq++) socket.say({ ...complete, seq });
    expect(socket.sent("list_sessions")).toHaveLength(1);
    vi.advanceTimersByTime(REFRESH_MS);
    expect(socket.sent("list_sessions")).toHaveLength(2);
    vi.advanceTimersByTime(REFRESH_MS);
    socket.say({ ...complete, seq: 9 });
    expect(socket.sent("list_sessions")).toHaveLength(3);
  });

  it("has a conversation from its first words on, however long the answer", () => {
    const { socket } = begun();
    vi.advanceTimersByTime(REFRESH_MS);
    socket.say({ type: "turn_started", turn: 1, origin: "text", seq: 1 });
    expect(socket.sent("list_sessions")).toHaveLength(2);
  });

  it("is searched, and the search kept up to date", () => {
    const { client, socket } = begun();
    client.searchSessions("  tea ");
    expect(socket.sent("list_sessions").at(-1)).toEqual({ type: "list_sessions", query: "tea" });
    client.refreshSessions();
    expect(socket.sent("list_sessions").slice(-2)).toEqual([
      { type: "list_sessions" },
      { type: "list_sessions", query: "tea" },
    ]);
    client.searchSessions("");
    expect(client.sessions.getState()).toMatchObject({ query: "", found: null });
    expect(socket.sent("list_sessions")).toHaveLength(4);
  });

  it("is changed with a title that the server takes", () => {
    const { client, socket } = begun();
    client.renameSession("s1", "   ");
    client.renameSession("s1", ` ${"x".repeat(200)} `);
    expect(socket.sent("rename_session")).toEqual([
      { type: "rename_session", session_id: "s1", title: "x".repeat(120) },
    ]);
  });
});

describe("an export", () => {
  it("is fetched with the user's key, and saved as a file", async () => {
    const { client } = begun();
    const fetched = vi.fn(() => Promise.resolve(new Response("# hi")));
    const link = { href: "", download: "", click: vi.fn() };
    vi.stubGlobal("fetch", fetched);
    Object.assign(document, { createElement: () => link });
    vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:x");
    const revoked = vi.spyOn(URL, "revokeObjectURL");
    await client.exportSession("s1", "markdown");
    expect(fetched).toHaveBeenCalledWith("/api/v1/sessions/s1/export?format=markdown", {
      headers: { Authorization: "Bearer key-1" },
    });
    expect(link).toMatchObject({ href: "blob:x", download: "conversation-s1.md" });
    expect(link.click).toHaveBeenCalledOnce();
    vi.runAllTimers();
    expect(revoked).toHaveBeenCalledWith("blob:x");
  });

  it.each([
    ["refused", () => Promise.resolve(new Response("", { status: 404 }))],
    ["lost", () => Promise.reject(new TypeError("network"))],
  ])("that is %s is told", async (_name, fetched) => {
    const { client } = begun();
    vi.stubGlobal("fetch", fetched);
    await client.exportSession("s1", "json");
    expect(noticed(client)).toEqual(["export_failed"]);
  });
});
