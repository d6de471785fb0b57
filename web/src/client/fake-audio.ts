/** For tests: a browser's audio as far as capture and player use it. */

import { vi } from "vitest";

export interface FakeDevice {
  /** Sample rate of the device in Hz. */
  rate: number;
  /** Whether a source must have the rate of its context, as in Firefox. */
  sameRate: boolean;
  /** Whether the worklet can be loaded. */
  loads: boolean;
  /** Whether the page came over HTTPS. */
  secure: boolean;
  /** Of each context that is made. */
  state: AudioContextState;
  /** Each context that was made and not closed. */
  contexts: FakeContext[];
  /** Each worklet's node, oldest first. */
  worklets: ReturnType<typeof node>[];
}

class FakeContext extends EventTarget {
  state: AudioContextState;
  readonly destination = {};
  readonly sampleRate: number;
  readonly audioWorklet = {
    addModule: () =>
      this.device.loads ? Promise.resolve() : Promise.reject(new DOMException("", "AbortError")),
  };

  constructor(
    private readonly device: FakeDevice,
    options: { sampleRate?: number },
  ) {
    super();
    this.state = device.state;
    this.sampleRate = options.sampleRate ?? device.rate;
    device.contexts.push(this);
  }

  readonly currentTime = 0;
  /** Frequencies in Hz of the tones that were played. */
  readonly tones: number[] = [];

  createAnalyser = () => node();
  createGain = () => ({ ...node(), gain: { setValueAtTime: vi.fn(), exponentialRampToValueAtTime: vi.fn() } });
  createOscillator = () => {
    const frequency = { value: 0 };
    return { ...node(), frequency, start: () => this.tones.push(frequency.value), stop: vi.fn() };
  };
  createMediaStreamSource = () => {
    if (this.device.sameRate && this.sampleRate === 16_000) throw new DOMException("", "NotSupportedError");
    return node();
  };
  /** Stays pending, as in a browser that refuses to play. */
  resume = () => new Promise<void>(() => undefined);
  close = () => {
    this.state = "closed";
    this.device.contexts.splice(this.device.contexts.indexOf(this), 1);
    return Promise.resolve();
  };
}

interface FakePort {
  postMessage: ReturnType<typeof vi.fn<(command: unknown) => void>>;
  onmessage: ((event: { data: unknown }) => void) | null;
}

function node() {
  const port: FakePort = { postMessage: vi.fn<(command: unknown) => void>(), onmessage: null };
  return { connect: (to: unknown) => to, port };
}

/** Put a browser with this device into the global scope; `vi.unstubAllGlobals` removes it. */
export function stubAudio(device: Partial<FakeDevice>): FakeDevice {
  const all: FakeDevice = {
    rate: 48_000,
    sameRate: false,
    loads: true,
    secure: true,
    state: "running",
    contexts: [],
    worklets: [],
    ...device,
  };
  const location = new URL("https://voice.example/");
  vi.stubGlobal("window", Object.assign(new EventTarget(), { isSecureContext: all.secure, location }));
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false, hasFocus: () => true, title: "" }));
  vi.stubGlobal("navigator", {
    mediaDevices: {
      getUserMedia: () => Promise.resolve({ getTracks: () => [], getAudioTracks: () => [] }),
    },
  });
  vi.stubGlobal("AudioWorkletNode", function worklet() {
    const made = node();
    all.worklets.push(made);
    return made;
  });
  vi.stubGlobal("AudioContext", function context(options: { sampleRate?: number } = {}) {
    return new FakeContext(all, options);
  });
  return all;
}
