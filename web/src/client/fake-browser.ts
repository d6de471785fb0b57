/** For tests: the browser's sockets and storage, and a server at the other end. */

import { expect, vi } from "vitest";
import { pack, unpack, type AudioFrame } from "../protocol/frames";
import { FRAME_MICROPHONE, FRAME_SPEECH } from "../protocol/messages";

export const WELCOME = {
  type: "welcome",
  protocol: 1,
  output_rate: 48_000,
  max_text: 100,
  patience: 0.5,
  user_key: "key-1",
};

export class FakeSocket {
  readyState = 0;
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  send = vi.fn<(data: string | ArrayBuffer) => void>();
  close = vi.fn();

  /** Accept the connection and welcome the page; it then says what it wants. */
  accept(): void {
    this.readyState = 1;
    this.onopen?.();
    this.say(WELCOME);
  }

  /** The same, and a new session begins. */
  open(id = "s1"): void {
    this.accept();
    this.ready(id);
  }

  ready(id: string): void {
    this.say({ type: "session_ready", session_id: id, secret: `secret of ${id}`, epoch: "e1", created_at: "" });
  }

  restored(id: string, more: object = {}): void {
    this.say({
      type: "session_restored",
      session_id: id,
      secret: `secret of ${id}`,
      epoch: "e1",
      seq: 0,
      title: "",
      client_seq: 0,
      own_seq: (more as { client_seq?: number }).client_seq ?? 0, // nobody else has said anything
      stream: null,
      samples: 0,
      history: null,
      speech_lost: false,
      truncated: false,
      ...more,
    });
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** A frame of speech. */
  speak(turn: number, seq = turn): void {
    const pcm = new Int16Array(8);
    this.onmessage?.({ data: pack({ kind: FRAME_SPEECH, stream: turn, seq, offset: 0, last: false, pcm }) });
  }

  fail(code: string, more: object = {}): void {
    const said = { message: code, retryable: true, suggested_action: "", correlation_id: "c", client_seq: null };
    this.say({ type: "error", code, ...said, ...more });
  }

  die(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  /** Everything of this type that was sent. */
  sent(type: string): Record<string, unknown>[] {
    return this.everything().filter(
      (each): each is Record<string, unknown> => "type" in each && each.type === type,
    );
  }

  /** Everything that was sent: messages, and frames of the microphone. */
  everything(): (Record<string, unknown> | AudioFrame)[] {
    return this.send.mock.calls.map(([data]) =>
      typeof data === "string"
        ? (JSON.parse(data) as Record<string, unknown>)
        : (unpack(data, FRAME_MICROPHONE) ?? expect.fail("a frame that cannot be read")),
    );
  }
}

/** Put a browser without a past into the global scope; `vi.unstubAllGlobals` removes it. */
export function stubBrowser() {
  const sockets: FakeSocket[] = [];
  const kept = new Map<string, string>();
  const tab = new Map<string, string>();
  vi.stubGlobal("WebSocket", function socket() {
    const made = new FakeSocket();
    sockets.push(made);
    return made;
  });
  vi.stubGlobal("localStorage", storage(kept));
  vi.stubGlobal("sessionStorage", storage(tab));
  return { sockets, kept, tab };
}

function storage(kept: Map<string, string>) {
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  };
}
