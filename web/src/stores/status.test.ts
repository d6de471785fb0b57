import { describe, expect, it } from "vitest";
import type { ServerMessage, Welcome } from "../protocol/messages";
import { createAudioStore } from "./audio";
import { ready, restored } from "./conversation-fixtures";
import { createConnectionStore, shownNotices } from "./connection";

const WELCOME: Welcome = {
  type: "welcome",
  protocol: 1,
  server: "0.1.0",
  input_rate: 16000,
  output_rate: 48000,
  patience: 0.5,
  max_text: 100,
  max_audio_bytes: 65536,
  recognizer: { kind: "commands", examples: ["what time is it"], hint: "Commands only." },
  user_key: "u",
};

function error(code: "backpressure" | "invalid_audio" | "thermal_paused", message: string): ServerMessage {
  return {
    type: "error",
    code,
    message,
    retryable: code !== "invalid_audio",
    suggested_action: "Wait.",
    correlation_id: "c9",
    client_seq: null,
  };
}

describe("connection store", () => {
  it("learns the server's limits, and forgets that the last one was ending", () => {
    const store = createConnectionStore();
    store.apply({ type: "server_shutting_down", grace_s: 5 });
    expect(store.getState().shuttingDown).toBe(5);
    store.apply(WELCOME);
    expect(store.getState()).toMatchObject({ welcome: WELCOME, maxText: 100, shuttingDown: null });
  });

  it("shows errors with what to do, one of each kind", () => {
    const store = createConnectionStore();
    store.apply(error("backpressure", "Too fast."));
    store.apply(error("invalid_audio", "Odd."));
    store.apply(error("backpressure", "Too fast again."));
    expect(store.getState().notices).toMatchObject([
      { tone: "error", title: "Odd.", advice: "Wait.", reference: "c9" },
      { tone: "warning", title: "Too fast again." },
    ]);
    store.dismiss("error:invalid_audio");
    expect(store.getState().notices).toHaveLength(1);
  });

  it("shows that it is too hot as it shows other errors", () => {
    const store = createConnectionStore();
    store.apply(error("thermal_paused", "The machine is too hot."));
    expect(store.getState().notices).toMatchObject([
      { id: "error:thermal_paused", tone: "warning", title: "The machine is too hot.", advice: "Wait." },
    ]);
  });

  it("shows the newest two, then the older ones", () => {
    const store = createConnectionStore();
    const shown = () => shownNotices(store.getState()).map((notice) => notice.id);
    for (const id of ["a", "b", "c"]) store.notify({ id, tone: "info", title: id, advice: "" });
    expect(shown()).toEqual(["b", "c"]);
    store.dismiss("c");
    expect(shown()).toEqual(["a", "b"]);
  });

  it("tells nobody when there is nothing to dismiss", () => {
    const store = createConnectionStore();
    let told = 0;
    store.subscribe(() => told++);
    store.dismiss("nothing");
    expect(told).toBe(0);
  });
});

describe("audio store", () => {
  const off = { mode: null, opening: false, handsFree: false, held: false, muted: false };

  it("hears from the start of speech to its end", () => {
    const store = createAudioStore();
    store.apply({ type: "speech_started", stream: 1, at: 0 });
    expect(store.getState().hearing).toBe(true);
    store.apply({ type: "speech_ended", stream: 1, at: 9 });
    expect(store.getState().hearing).toBe(false);
  });

  it("hears nothing after an error that no message caused", () => {
    const store = createAudioStore();
    store.apply({ type: "speech_started", stream: 1, at: 0 });
    store.apply({ ...error("invalid_audio", "Odd."), client_seq: 3 } as ServerMessage);
    expect(store.getState().hearing).toBe(true);
    store.apply(error("invalid_audio", "Odd."));
    expect(store.getState().hearing).toBe(false);
  });

  it("hears nothing once the microphone is off", () => {
    const store = createAudioStore();
    store.apply({ type: "speech_started", stream: 1, at: 0 });
    store.setMicrophone(off);
    expect(store.getState().hearing).toBe(false);
  });
});

describe("what is told of a session", () => {
  const end = { type: "session_terminated", session_id: "s", message: "It is over." } as const;

  it("is when it will end, and that it has, with what to do", () => {
    const store = createConnectionStore();
    store.apply({ type: "session_warning", remaining_seconds: 290 });
    expect(store.getState().notices[0]?.title).toContain("5 minutes");
    store.apply({ type: "session_warning", remaining_seconds: 20 });
    expect(store.getState().notices[0]?.title).toContain("a minute");
    store.apply({ ...end, reason: "max_duration", resumable: true });
    expect(store.getState().notices.at(-1)).toMatchObject({ title: "It is over.", action: { run: "continue" } });
    store.apply({ ...end, reason: "failed", resumable: false });
    expect(store.getState().notices.at(-1)).toMatchObject({ action: { run: "new_session" } });
    store.apply(ready());
    expect(store.getState().notices).toEqual([]);
  });

  it("stays while the same server goes on with it", () => {
    const store = createConnectionStore();
    store.apply({ type: "session_warning", remaining_seconds: 290 });
    store.apply(restored(null));
    expect(store.getState().notices).toHaveLength(1);
    store.apply(restored([]));
    expect(store.getState().notices).toEqual([]);
  });

  it("is nothing that its user has done, or that shows by itself", () => {
    const store = createConnectionStore();
    store.apply({ ...end, reason: "destroyed", resumable: false });
    store.apply({ ...error("backpressure", ""), code: "session_expired" } as ServerMessage);
    store.apply({ type: "session_restarting", reason: "idle" });
    expect(store.getState().notices).toEqual([]);
  });
});

describe("hearing", () => {
  it("goes on with the session, and with no other", () => {
    const store = createAudioStore();
    const hearing = () => {
      store.apply({ type: "speech_started", stream: 1, at: 0 });
      return store.getState().hearing;
    };
    expect(hearing()).toBe(true);
    store.apply(WELCOME);
    store.apply(restored(null));
    expect(store.getState().hearing).toBe(true);
    for (const event of [restored([]), ready()]) {
      expect(hearing()).toBe(true);
      store.apply(event);
      expect(store.getState().hearing).toBe(false);
    }
  });
});
