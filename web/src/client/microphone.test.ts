import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Capture, CaptureHandlers } from "./capture";
import { Microphone, WARM_MS, type MicrophoneState } from "./microphone";
import { Problem } from "./problems";
import { Uplink } from "./uplink";

let device: CaptureHandlers | null;
let opened: number;
let wire: unknown[];
let state: MicrophoneState;
let problems: string[];
let ready: boolean;
let fits: boolean;
let open: (handlers: CaptureHandlers) => Promise<Capture>;
let microphone: Microphone;

beforeEach(() => {
  vi.useFakeTimers();
  device = null;
  opened = 0;
  wire = [];
  problems = [];
  ready = fits = true;
  open = (handlers) => {
    opened += 1;
    device = handlers;
    return Promise.resolve({
      rate: 16_000,
      close: () => {
        device = null;
      },
    });
  };
  const uplink = new Uplink();
  microphone = new Microphone({
    open: (handlers) => open(handlers),
    ready: () => ready,
    openStream: (rate, mode) => wire.push(uplink.open(rate, mode).message),
    closeStream: () => wire.push(uplink.close()?.message),
    sendFrame: (pcm) => {
      const frame = uplink.capture(pcm);
      if (fits) wire.push([frame?.stream, frame?.seq, frame?.offset, frame?.pcm[0]]);
      return fits;
    },
    onState: (next) => {
      state = next;
    },
    onLevel: () => undefined,
    onProblem: (problem) => problems.push(problem.kind),
  });
});

afterEach(() => vi.useRealTimers());

const settle = () => vi.advanceTimersByTimeAsync(0);
const speak = (...values: number[]) => {
  for (const value of values) device?.onFrame(new Int16Array(320).fill(value), 0.1);
};

describe("Microphone", () => {
  it("streams hands-free, numbered and counted from 0", async () => {
    microphone.setHandsFree(true);
    await settle();
    speak(5, 6);
    microphone.setHandsFree(false);
    expect(wire).toEqual([
      { type: "audio_open", stream: 1, rate: 16_000, mode: "hands_free" },
      [1, 0, 0, 5],
      [1, 1, 320, 6],
      { type: "audio_close", stream: 1 },
    ]);
    expect(device).toBeNull();
  });

  it("keeps what was said before a press counted as a hold", async () => {
    microphone.arm();
    await settle();
    speak(1, 2);
    microphone.hold();
    speak(3);
    microphone.release();
    speak(4);
    expect(wire).toEqual([
      { type: "audio_open", stream: 1, rate: 16_000, mode: "push_to_talk" },
      [1, 0, 0, 1],
      [1, 1, 320, 2],
      [1, 2, 640, 3],
      { type: "audio_close", stream: 1 },
    ]);
  });

  it("stays warm for a while after a press, and then lets go of the device", async () => {
    microphone.hold();
    await settle();
    microphone.release();
    vi.advanceTimersByTime(WARM_MS - 1);
    microphone.hold();
    expect(opened).toBe(1);
    microphone.release();
    vi.advanceTimersByTime(WARM_MS);
    expect(device).toBeNull();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("takes a new stream for each press, with hands-free around it", async () => {
    microphone.setHandsFree(true);
    await settle();
    microphone.arm();
    microphone.hold();
    microphone.release();
    expect(wire).toEqual([
      { type: "audio_open", stream: 1, rate: 16_000, mode: "hands_free" },
      { type: "audio_close", stream: 1 },
      { type: "audio_open", stream: 2, rate: 16_000, mode: "push_to_talk" },
      { type: "audio_close", stream: 2 },
      { type: "audio_open", stream: 3, rate: 16_000, mode: "hands_free" },
    ]);
  });

  it("sends nothing while it is muted, not even on a press", async () => {
    microphone.setHandsFree(true);
    await settle();
    microphone.setMuted(true);
    wire = [];
    speak(1);
    microphone.arm();
    microphone.hold();
    speak(2);
    microphone.release();
    expect(wire).toEqual([]);
    expect(state).toMatchObject({ mode: null, muted: true });
    microphone.setMuted(false);
    expect(wire).toEqual([{ type: "audio_open", stream: 2, rate: 16_000, mode: "hands_free" }]);
  });

  it("sends nothing when the press ended before the microphone was allowed", async () => {
    microphone.arm();
    microphone.hold();
    microphone.release();
    await settle();
    speak(1);
    expect(wire).toEqual([]);
  });

  describe("while permission is asked", () => {
    let allow: () => Promise<void>;

    beforeEach(() => {
      const opens = open;
      open = (handlers) =>
        new Promise((resolve) => {
          allow = async () => {
            resolve(await opens(handlers));
            await settle();
          };
        });
      microphone.setHandsFree(true);
    });

    it("lets go of the device at once where hands-free has been left", async () => {
      microphone.setHandsFree(false);
      await allow();
      expect(opened).toBe(1);
      expect(device).toBeNull();
      expect(wire).toEqual([]);
      expect(state).toMatchObject({ mode: null, opening: false });
      expect(vi.getTimerCount()).toBe(0);
    });

    it("keeps the device where hands-free has been left and come back to", async () => {
      microphone.setHandsFree(false);
      microphone.setHandsFree(true);
      await allow();
      expect(device).not.toBeNull();
      expect(state.mode).toBe("hands_free");
      microphone.setHandsFree(false);
      expect(device).toBeNull();
    });

    it("keeps the device warm after a press, even if hands-free has been left", async () => {
      microphone.setHandsFree(false);
      microphone.arm();
      microphone.release();
      await allow();
      expect(device).not.toBeNull();
      vi.advanceTimersByTime(WARM_MS);
      expect(device).toBeNull();
    });
  });

  it("does not ask for the device on a press that may be an accident", () => {
    microphone.arm(true);
    expect(opened).toBe(0);
  });

  it("goes on in its stream after a reconnect", async () => {
    microphone.setHandsFree(true);
    await settle();
    speak(1);
    microphone.connected();
    speak(7);
    expect(wire).toEqual([
      { type: "audio_open", stream: 1, rate: 16_000, mode: "hands_free" },
      [1, 0, 0, 1],
      [1, 1, 320, 7],
    ]);
  });

  it("ends its stream before another session, and begins one there", async () => {
    microphone.setHandsFree(true);
    await settle();
    ready = false;
    microphone.leave();
    speak(1);
    expect(state).toMatchObject({ mode: null, handsFree: true });
    expect(wire.at(-1)).toEqual({ type: "audio_close", stream: 1 });
    wire = [];
    ready = true;
    microphone.connected();
    speak(7);
    expect(wire).toEqual([
      { type: "audio_open", stream: 2, rate: 16_000, mode: "hands_free" },
      [2, 0, 0, 7],
    ]);
  });

  it("opens no stream while another session is on its way", async () => {
    ready = false;
    microphone.setHandsFree(true);
    await settle();
    speak(1);
    expect(wire).toEqual([]);
    ready = true;
    microphone.connected();
    expect(wire).toHaveLength(1);
  });

  it("is off when nobody will hear it any more", async () => {
    microphone.setHandsFree(true);
    await settle();
    microphone.stop();
    expect(device).toBeNull();
    expect(wire.at(-1)).toEqual({ type: "audio_close", stream: 1 });
    expect(state).toMatchObject({ handsFree: false, mode: null });
    expect(problems).toEqual([]);
  });

  it("says why it could not be opened, and is off", async () => {
    open = () => Promise.reject(new Problem("microphone_denied"));
    microphone.setHandsFree(true);
    await settle();
    expect(problems).toEqual(["microphone_denied"]);
    expect(state).toMatchObject({ handsFree: false, opening: false });
  });

  it("is off when the device goes away", async () => {
    microphone.setHandsFree(true);
    await settle();
    device?.onEnded();
    expect(problems).toEqual(["microphone_lost"]);
    expect(wire.at(-1)).toEqual({ type: "audio_close", stream: 1 });
    expect(state).toMatchObject({ handsFree: false, mode: null });
  });

  it("gives up rather than queue without end on a slow network", async () => {
    microphone.setHandsFree(true);
    await settle();
    fits = false;
    speak(1, 2);
    expect(problems).toEqual(["slow_network"]);
    expect(state.handsFree).toBe(false);
  });
});
