import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { texts } from "../stores/conversation-fixtures";
import { stubAudio } from "./fake-audio";
import { stubBrowser, type FakeSocket } from "./fake-browser";
import { MAX_TEXT_BYTES, MAX_TEXTS } from "./unsent";
import { VoiceClient } from "./voice-client";

let sockets: FakeSocket[];
let tab: Map<string, string>;

beforeEach(() => {
  vi.useFakeTimers();
  ({ sockets, tab } = stubBrowser());
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const KEY = "voicechat.unsent";
const newest = (): FakeSocket => sockets.at(-1) ?? expect.fail("no socket was opened");
const shown = (client: VoiceClient) => texts(client.conversation.getState()).map(([, text, status]) => [text, status]);
const said = (socket: FakeSocket) => socket.sent("user_message").map(({ text, seq }) => [text, seq]);
const kept = () => JSON.parse(tab.get(KEY) ?? "[]") as { seq: number | null; text: string }[];

/** The page is loaded, or loaded again. */
function load(): VoiceClient {
  stubAudio({});
  const client = new VoiceClient({ record: false });
  client.start();
  return client;
}

const entry = (text: string, client_seq: number | null, more: object = {}) => ({
  turn: 1,
  speaker: "user",
  text,
  origin: "text",
  status: "complete",
  at: "",
  client_seq,
  ...more,
});

/** Of three texts the server has told that it has the first; the network is gone. */
function interrupted(): void {
  const client = load();
  newest().open();
  for (const text of ["a", "b"]) client.sendText(text);
  newest().say({ type: "message_received", client_seq: 1, turn: 1, seq: 1 });
  newest().die();
  client.sendText("c");
}

describe("what was typed and not taken", () => {
  it("is kept with its numbers until it is", () => {
    interrupted();
    expect(kept()).toEqual([
      { seq: 2, text: "b" },
      { seq: 3, text: "c" },
    ]);
    vi.advanceTimersByTime(1_000);
    newest().accept();
    newest().restored("s1", { client_seq: 1 });
    for (const client_seq of [2, 3]) newest().say({ type: "message_received", client_seq, turn: client_seq, seq: client_seq });
    expect(tab.has(KEY)).toBe(false);
  });

  it("is shown and said again after a reload, once and in order", () => {
    interrupted();
    const client = load();
    expect(shown(client)).toEqual([["b", "sending"], ["c", "sending"]]);
    expect(client.sendText("d")).toBe(true);
    expect(kept().map(({ text }) => text)).toEqual(["b", "c", "d"]);
    newest().accept();
    expect(said(newest())).toEqual([]);
    // It has taken "b", which this page was never told.
    newest().restored("s1", { client_seq: 2, own_seq: 0, history: [entry("a", 1), entry("b", 2, { turn: 2 })] });
    expect(shown(client)).toEqual([["a", "sent"], ["b", "sent"], ["c", "sending"], ["d", "sending"]]);
    const numbers = said(newest()).map(([, seq]) => seq);
    expect(said(newest()).map(([text]) => text)).toEqual(["c", "d"]);
    expect(kept()).toEqual([{ seq: numbers[0], text: "c" }, { seq: numbers[1], text: "d" }]);
    numbers.forEach((client_seq, at) => newest().say({ type: "message_received", client_seq, turn: at + 3, seq: at + 1 }));
    expect(shown(client).map(([, status]) => status)).toEqual(["sent", "sent", "sent", "sent"]);
    expect(tab.has(KEY)).toBe(false);
  });

  it("was not taken where the history has its words, or its number, of another", () => {
    interrupted();
    load();
    newest().accept();
    const history = [entry("b", 1), entry("x", 2), entry("c", null, { origin: "voice" }), entry("c", 3, { speaker: "assistant" })];
    newest().restored("s1", { client_seq: 3, own_seq: 0, history });
    expect(said(newest()).map(([text]) => text)).toEqual(["b", "c"]);
  });

  it("is said in the session that is begun where its own cannot be had again", () => {
    interrupted();
    const client = load();
    newest().accept();
    newest().fail("session_not_found");
    newest().ready("s2");
    expect(said(newest())).toEqual([["b", 1], ["c", 2]]);
    expect(shown(client)).toEqual([["b", "sending"], ["c", "sending"]]);
  });

  it("survives a second reload before there is a session", () => {
    interrupted();
    load().sendText("d");
    const client = load();
    expect(shown(client).map(([text]) => text)).toEqual(["b", "c", "d"]);
    newest().accept();
    newest().restored("s1", { client_seq: 2, own_seq: 0, history: [entry("b", 2)] });
    expect(said(newest()).map(([text]) => text)).toEqual(["c", "d"]);
  });

  it("is typed with a limit while it waits, as otherwise", () => {
    tab.set(KEY, JSON.stringify([{ seq: 1, text: "x" }]));
    const client = load();
    expect(client.sendText("é".repeat(MAX_TEXT_BYTES / 2))).toBe(false);
    for (let i = 1; i < MAX_TEXTS; i++) expect(client.sendText("x")).toBe(true);
    expect(client.sendText("x")).toBe(false);
    expect(kept()).toHaveLength(MAX_TEXTS);
  });
});

describe("the tab's memory", () => {
  it.each(["{", "7", "null", '[1, null, {}, {"seq": "1", "text": "x"}, {"seq": 1, "text": ""}]'])(
    "that is spoilt is not believed: %s",
    (spoilt) => {
      tab.set(KEY, spoilt);
      const client = load();
      newest().open();
      expect(said(newest())).toEqual([]);
      expect(client.conversation.getState().entries).toEqual([]);
    },
  );

  it("takes no more than may be kept", () => {
    const long = "x".repeat(MAX_TEXT_BYTES / 2);
    tab.set(KEY, JSON.stringify([long, long, "y"].map((text, at) => ({ seq: at + 1, text }))));
    load();
    newest().open();
    expect(said(newest()).map(([text]) => text)).toEqual([long, long]);
  });
});
