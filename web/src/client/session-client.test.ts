import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { texts } from "../stores/conversation-fixtures";
import { stubAudio } from "./fake-audio";
import { stubBrowser, type FakeSocket } from "./fake-browser";
import { ACK_AFTER_ITEMS, ACK_AFTER_MS } from "./received";
import { MAX_TEXTS } from "./unsent";
import { VoiceClient } from "./voice-client";

let sockets: FakeSocket[];
let kept: Map<string, string>;
let tab: Map<string, string>;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.99);
  ({ sockets, kept, tab } = stubBrowser());
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

/** The network is gone and comes back; the server has not answered the page's wish yet. */
function reconnect(): FakeSocket {
  newest().die();
  vi.advanceTimersByTime(1_000);
  newest().accept();
  return newest();
}

/** What the page wanted behind its hello. */
const wish = (socket: FakeSocket) => socket.everything()[1];

/** A page's name for itself. */
const name: unknown = expect.stringMatching(/^[a-z0-9-]{20,64}$/);

describe("a page", () => {
  it("has another name than the page before it, and keeps it", () => {
    const { socket } = begun();
    const before = reconnect().sent("resume")[0]?.client;
    expect(socket.sent("create_session")).toEqual([{ type: "create_session", client: before }]);
    start();
    newest().accept();
    expect(newest().sent("resume")[0]?.client).toEqual(name);
    expect(newest().sent("resume")[0]?.client).not.toBe(before);
  });

  it("begins a session in a new tab, and remembers who it is", () => {
    const { socket } = begun();
    const [hello] = socket.sent("hello");
    expect(hello).toMatchObject({ start: false, acknowledges: true });
    expect(hello).not.toHaveProperty("user_key");
    expect(wish(socket)).toEqual({ type: "create_session", client: name });
    expect(kept.get("voicechat.user")).toBe("key-1");
    expect(JSON.parse(tab.get("voicechat.session") ?? "")).toEqual({ id: "s1", secret: "secret of s1" });
    expect(socket.sent("list_sessions")).toHaveLength(1);
  });

  it("goes on with its session after a reload, having nothing of it", () => {
    begun();
    const client = start();
    newest().accept();
    expect(newest().sent("hello")).toMatchObject([{ user_key: "key-1" }]);
    expect(wish(newest())).toEqual({
      type: "resume",
      session_id: "s1",
      secret: "secret of s1",
      buffered: false,
      client_seq: 1,
      reopen: true,
      client: name,
    });
    const said = { turn: 1, speaker: "user", text: "hi", origin: "text", status: "complete", at: "", client_seq: 3 };
    newest().restored("s1", { seq: 8, client_seq: 3, history: [said] });
    expect(shown(client)).toEqual([["hi", "sent"]]);
    client.sendText("there");
    // Another page may have set it otherwise.
    expect(newest().sent("settings")).toEqual([{ type: "settings", speak: true, patience: 0.5, seq: 4 }]);
    expect(newest().sent("user_message")).toMatchObject([{ text: "there", seq: 5 }]);
    newest().say({ type: "stream_delta", turn: 2, text: "old", seq: 8 });
    newest().say({ type: "stream_delta", turn: 2, text: "new", seq: 9 });
    expect(shown(client).at(-1)).toEqual(["new", "streaming"]);
  });

  it.each(["{", "null", "7", '{"id": 1}', '{"id": "", "secret": "x"}'])("is not misled by spoilt memory: %s", (spoilt) => {
    tab.set("voicechat.session", spoilt);
    start();
    newest().accept();
    expect(wish(newest())).toEqual({ type: "create_session", client: name });
  });

  it("works where the browser keeps nothing", () => {
    const refuse = () => {
      throw new DOMException("", "SecurityError");
    };
    for (const name of ["localStorage", "sessionStorage"]) {
      vi.stubGlobal(name, { getItem: refuse, setItem: refuse, removeItem: refuse });
    }
    begun();
    reconnect();
    expect(newest().sent("hello")).toMatchObject([{ user_key: "key-1" }]);
    expect(wish(newest())).toMatchObject({ type: "resume", session_id: "s1" });
  });
});

describe("what is typed", () => {
  it("before there is a session is said when there is", () => {
    const client = start();
    expect(client.sendText("early")).toBe(true);
    expect(shown(client)).toEqual([["early", "sending"]]);
    newest().open();
    expect(newest().sent("user_message")).toEqual([{ type: "user_message", text: "early", seq: 1 }]);
    newest().say({ type: "message_received", client_seq: 1, turn: 1, seq: 1 });
    expect(shown(client)).toEqual([["early", "sent"]]);
  });

  it("is said again where the server has not got it, once and in order", () => {
    const { client, socket } = begun();
    for (const text of ["a", "b", "c"]) client.sendText(text);
    expect(socket.sent("user_message").map((each) => each.seq)).toEqual([1, 2, 3]);
    socket.say({ type: "input_ack", client_seq: 1, stream: null, samples: 0 });
    newest().die();
    expect(client.sendText("d")).toBe(true);
    expect(shown(client).map(([, status]) => status)).toEqual(["sending", "sending", "sending", "sending"]);
    vi.advanceTimersByTime(1_000);
    newest().accept();
    expect(wish(newest())).toMatchObject({ client_seq: 2 });
    newest().restored("s1", { client_seq: 2 });
    expect(newest().sent("user_message")).toEqual([
      { type: "user_message", text: "c", seq: 3 },
      { type: "user_message", text: "d", seq: 4 },
    ]);
    expect(client.sendText("e")).toBe(true);
    expect(newest().sent("user_message").at(-1)).toMatchObject({ text: "e", seq: 5 });
  });

  it("is said in another session, numbered anew, where its own is over", () => {
    const { client, socket } = begun();
    client.sendText("a");
    socket.say({ type: "message_received", client_seq: 1, turn: 1, seq: 1 });
    socket.say({ type: "input_ack", client_seq: 1, stream: null, samples: 0 });
    newest().die();
    client.sendText("b");
    vi.advanceTimersByTime(1_000);
    newest().accept();
    newest().fail("session_expired");
    newest().ready("s2");
    expect(noticed(client)).toEqual([]);
    expect(newest().sent("user_message")).toEqual([{ type: "user_message", text: "b", seq: 1 }]);
    expect(shown(client)).toEqual([["b", "sending"]]);
    newest().say({ type: "message_received", client_seq: 1, turn: 1, seq: 1 });
    expect(shown(client)).toEqual([["b", "sent"]]);
    expect(tab.get("voicechat.session")).toContain("s2");
  });

  it("is said in another session where the server knows nothing of its own", () => {
    const { client } = begun();
    newest().die();
    client.sendText("b");
    vi.advanceTimersByTime(1_000);
    newest().accept();
    newest().fail("session_not_found");
    newest().ready("s2"); // as the server does by itself
    expect(newest().sent("create_session")).toEqual([]);
    expect(noticed(client)).toEqual(["session_missing"]);
    expect(newest().sent("user_message")).toMatchObject([{ text: "b", seq: 1 }]);
  });

  it("is refused when too much is waiting", () => {
    const { client, socket } = begun();
    socket.die();
    for (let i = 0; i < MAX_TEXTS; i++) expect(client.sendText("x")).toBe(true);
    expect(client.sendText("one more")).toBe(false);
    expect(client.conversation.getState().entries).toHaveLength(MAX_TEXTS);
  });

  it("is not lost when the server was started anew", () => {
    const { client, socket } = begun();
    client.sendText("a");
    client.sendText("b");
    client.interrupt();
    socket.say({ type: "stream_delta", turn: 1, text: "Well, ", seq: 1 });
    client.interrupt();
    reconnect();
    const said = { turn: 1, origin: "text", at: "", client_seq: 1 };
    newest().restored("s1", {
      epoch: "e2",
      seq: 0,
      client_seq: 1,
      history: [
        { ...said, speaker: "user", text: "a", status: "complete" },
        { ...said, speaker: "assistant", text: "", status: "lost", client_seq: null },
      ],
    });
    expect(shown(client)).toEqual([["a", "sent"], ["Well, ", "lost"], ["b", "sending"]]);
    expect(newest().sent("user_message")).toMatchObject([{ text: "b", seq: 2 }]);
    expect(newest().sent("interrupt")).toEqual([]);
    newest().say({ type: "message_received", client_seq: 2, turn: 2, seq: 1 });
    client.askAgain(1);
    expect(newest().sent("user_message").at(-1)).toMatchObject({ text: "a", seq: 4 });
  });
});

describe("what the server says", () => {
  const delta = (text: string, seq: number) => ({ type: "stream_delta", turn: 1, text, seq });

  it("goes on where it was, and counts once", () => {
    const { client, socket } = begun();
    socket.say(delta("Once ", 1));
    socket.say(delta("upon ", 2));
    socket.speak(1, 3);
    const again = reconnect();
    expect(wish(again)).toMatchObject({ epoch: "e1", seq: 3, buffered: true });
    again.restored("s1", { seq: 3 });
    again.say(delta("upon ", 2));
    again.say(delta("a time", 4));
    expect(shown(client)).toEqual([["Once upon a time", "streaming"]]);
  });

  it("is acknowledged after a while, or when there is much of it", () => {
    const { socket } = begun();
    socket.say(delta("a", 1));
    socket.say(delta("b", 2));
    socket.say({ type: "pong", nonce: "" });
    expect(socket.sent("ack")).toEqual([]);
    vi.advanceTimersByTime(ACK_AFTER_MS);
    expect(socket.sent("ack")).toEqual([{ type: "ack", seq: 2 }]);
    for (let seq = 3; seq < 3 + ACK_AFTER_ITEMS; seq++) socket.speak(1, seq);
    expect(socket.sent("ack").at(-1)).toEqual({ type: "ack", seq: 2 + ACK_AFTER_ITEMS });
    vi.advanceTimersByTime(10_000);
    expect(socket.sent("ack")).toHaveLength(2);
  });

  it("of lost speech is acknowledged at once: it is told until then", () => {
    const { socket } = begun();
    socket.say(delta("a", 1));
    const again = reconnect();
    again.restored("s1", { seq: 1, speech_lost: true });
    expect(again.sent("ack")).toEqual([{ type: "ack", seq: 1 }]);
  });

  it("is not acknowledged over a connection that is gone", () => {
    const { socket } = begun();
    socket.say(delta("a", 1));
    const again = reconnect();
    again.restored("s1");
    vi.advanceTimersByTime(1_000);
    expect([...socket.sent("ack"), ...again.sent("ack")]).toEqual([]);
  });
});

it("says nothing of a session that was gone before anything was said in it", () => {
  const { client } = begun();
  reconnect();
  newest().fail("session_not_found");
  newest().ready("s2");
  expect(noticed(client)).toEqual([]);
  expect(tab.get("voicechat.session")).toContain("s2");
});
