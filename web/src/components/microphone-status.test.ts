import { describe, expect, it } from "vitest";
import { createAudioStore, type AudioStatus } from "../stores/audio";
import { describeMicrophone, hindrance, type Surroundings } from "./microphone-status";

const IDLE = createAudioStore().getState();
const DESK: Surroundings = { connected: true, touch: false, answering: false, waiting: null };

function status(change: Partial<AudioStatus>, microphone: Partial<AudioStatus["microphone"]> = {}): AudioStatus {
  return { ...IDLE, ...change, microphone: { ...IDLE.microphone, ...microphone } };
}

describe("the status line", () => {
  it.each<[string, AudioStatus]>([
    ["off", status({ speakingTurn: 3 })],
    ["hands-free", status({ speakingTurn: 3 }, { handsFree: true, mode: "hands_free" })],
  ])("says how to stop what is spoken, with the microphone %s", (_name, state) => {
    expect(describeMicrophone(state, DESK)).toBe("Speaking. Esc stops it");
    expect(describeMicrophone(state, { ...DESK, touch: true })).not.toContain("Esc");
  });

  it("puts the person before the answer", () => {
    const hands = { handsFree: true, mode: "hands_free" } as const;
    expect(describeMicrophone(status({ hearing: true, speakingTurn: 3 }, hands), DESK)).toBe("Hearing you");
    expect(describeMicrophone(status({}, { held: true, mode: "push_to_talk" }), DESK)).toContain("Release");
  });

  it("tells that what is said while the server is away is kept", () => {
    const away: Surroundings = { ...DESK, connected: false };
    const hands = { handsFree: true, mode: "hands_free" } as const;
    expect(describeMicrophone(status({}, hands), away)).toContain("What you say is kept");
    expect(describeMicrophone(status({}, hands), DESK)).toBe("Listening");
  });

  it("waits for the server, whatever is switched on", () => {
    const away: Surroundings = { ...DESK, connected: false, waiting: "paused" };
    expect(describeMicrophone(status({}), away)).toBe("Waiting for the server");
    expect(describeMicrophone(status({}, { handsFree: true }), away)).toBe("Waiting for the server");
    expect(describeMicrophone(status({}, { held: true }), away)).toBe("Waiting for the server");
    expect(describeMicrophone(status({}), DESK)).toContain("Space");
  });
});

describe("the status line while the heat holds work up", () => {
  const cooling: Surroundings = { ...DESK, waiting: "paused" };
  const open = { handsFree: true, mode: "hands_free" } as const;

  it("tells what is waited for", () => {
    expect(describeMicrophone(status({}), cooling)).toBe("Waiting until it is cooler");
    for (const waiting of ["normal", "no_speculation", "single", "phrases"] as const) {
      expect(describeMicrophone(status({}), { ...DESK, waiting })).toBe("Waiting: others are first");
    }
    expect(describeMicrophone(status({}), { ...DESK, waiting: "unknown" })).toBe(
      "Waiting because of the heat",
    );
  });

  it.each<[string, AudioStatus]>([
    ["Speaking", status({ speakingTurn: 3 }, open)],
    ["Hearing you", status({ hearing: true }, open)],
    ["Listening", status({}, open)],
  ])("says that instead of %s, and that what is said is kept", (_name, state) => {
    const answering = { ...cooling, answering: true };
    expect(describeMicrophone(state, cooling)).toBe("Waiting until it is cooler. What you say is kept");
    expect(describeMicrophone(state, answering)).toBe(
      "Waiting until it is cooler. Esc stops it. What you say is kept",
    );
    expect(describeMicrophone(state, { ...answering, touch: true })).toBe(
      "Waiting until it is cooler. The square stops it. What you say is kept",
    );
  });

  it("promises to keep only what is heard", () => {
    const muted = status({}, { ...open, muted: true });
    expect(describeMicrophone(muted, cooling)).toBe("Muted. Waiting until it is cooler");
    expect(describeMicrophone(status({}, { handsFree: true }), cooling)).not.toContain("kept");
  });

  it("says how to send what is said while the button is held", () => {
    const held = status({}, { held: true, mode: "push_to_talk" });
    expect(describeMicrophone(held, cooling)).toBe("What you say is kept. Release to send");
    expect(describeMicrophone(status({}, { opening: true }), cooling)).toContain("Allow");
  });
});

describe("the microphone button", () => {
  it("can be used with a server, and to switch off without one", () => {
    expect(hindrance(status({}), true)).toBeNull();
    expect(hindrance(status({}), false)).toBe("Waiting for the server");
    expect(hindrance(status({}, { handsFree: true }), false)).toBeNull();
  });

  it("cannot be used on an insecure page", () => {
    expect(hindrance(status({ canListen: false }), true)).toBe("Voice needs a secure page");
  });
});
