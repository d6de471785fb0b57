import { describe, expect, it } from "vitest";
import { createAudioStore, type AudioStatus } from "../stores/audio";
import { describeMicrophone, hindrance } from "./microphone-status";

const IDLE = createAudioStore().getState();
const DESK = { connected: true, touch: false };

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

  it("waits for the server, whatever is switched on", () => {
    const away = { connected: false, touch: false };
    expect(describeMicrophone(status({}), away)).toBe("Waiting for the server");
    expect(describeMicrophone(status({}, { handsFree: true }), away)).toBe("Waiting for the server");
    expect(describeMicrophone(status({}, { held: true }), away)).toBe("Waiting for the server");
    expect(describeMicrophone(status({}), DESK)).toContain("Space");
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
