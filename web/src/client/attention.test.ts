import { beforeEach, expect, it } from "vitest";
import type { ServerMessage, SessionReady, SessionRestored } from "../protocol/messages";
import { Attention } from "./attention";

let away: boolean;
let title: string;
let attention: Attention;

beforeEach(() => {
  away = true;
  title = "voicechat";
  attention = new Attention({ away: () => away, setTitle: (text) => (title = text) });
});

const started = (turn: number, origin: "assistant" | "voice"): ServerMessage => ({
  type: "turn_started",
  turn,
  origin,
});
const delta = (turn: number, text: string): ServerMessage => ({ type: "stream_delta", turn, text });

it("shows the words of a timer until somebody looks", () => {
  attention.apply(started(1, "assistant"));
  expect(title).toBe("Timer — voicechat");
  attention.apply(delta(1, "Your pasta timer "));
  attention.apply(delta(1, "is done."));
  expect(title).toBe("Your pasta timer is done — voicechat");
  attention.seen(); // another window got the focus
  expect(title).toBe("Your pasta timer is done — voicechat");
  away = false;
  attention.seen();
  expect(title).toBe("voicechat");
  attention.apply(delta(1, " Again."));
  expect(title).toBe("voicechat");
});

it("leaves the title alone for answers, and while somebody looks", () => {
  attention.apply(started(1, "voice"));
  attention.apply(delta(1, "It is noon."));
  away = false;
  attention.apply(started(2, "assistant"));
  attention.apply(delta(2, "Done."));
  expect(title).toBe("voicechat");
});

it("keeps what was missed, and takes no words of the next session", () => {
  attention.apply(started(1, "assistant"));
  attention.apply(delta(1, "Tea."));
  attention.apply({ type: "session_ready" } as SessionReady);
  attention.apply(delta(1, "It is noon."));
  expect(title).toBe("Tea — voicechat");
});

it("goes on through a reconnect, but not with what another server tells anew", () => {
  attention.apply(started(1, "assistant"));
  attention.apply(delta(1, "Tea "));
  attention.apply({ type: "session_restored", history: null } as SessionRestored);
  attention.apply(delta(1, "is ready."));
  expect(title).toBe("Tea is ready — voicechat");
  attention.apply({ type: "session_restored", history: [] } as unknown as SessionRestored);
  attention.apply(delta(1, " Noon."));
  expect(title).toBe("Tea is ready — voicechat");
});

it("cuts long words", () => {
  attention.apply(started(1, "assistant"));
  attention.apply(delta(1, "word ".repeat(100)));
  expect(title.length).toBe(80 + " — voicechat".length);
});
