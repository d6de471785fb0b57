import { describe, expect, it } from "vitest";
import { pack, unpack, type AudioFrame } from "./frames";
import { FRAME_MICROPHONE, FRAME_SPEECH } from "./messages";

// Written by voicechat.protocol.frames.AudioFrame.pack(), so that both sides agree on each bit.
const CASES: [string, AudioFrame][] = [
  [
    "0100000007000000" + "03000000c003000000000000" + "00000100ffff0080",
    frame(FRAME_MICROPHONE, 7, 3, 960, [0, 1, -1, -32768], false),
  ],
  [
    "02010000ffffffff" + "ffffffff0500000000010000" + "ff7ffeff",
    frame(FRAME_SPEECH, 0xffffffff, 0xffffffff, 2 ** 40 + 5, [32767, -2], true),
  ],
  ["020100000c000000" + "090000003a11000000000000", frame(FRAME_SPEECH, 12, 9, 4410, [], true)],
];

describe("frames", () => {
  it.each(CASES)("packs as the server does: %s", (hex, expected) => {
    expect(toHex(pack(expected))).toBe(hex);
  });

  it.each(CASES)("unpacks what the server packs: %s", (hex, expected) => {
    expect(unpack(fromHex(hex), expected.kind)).toEqual(expected);
  });

  it.each([
    ["shorter than its header", "02010000"],
    ["an odd number of bytes", "020100000c000000090000003a1100000000000000"],
    ["of the other direction", "010100000c000000090000003a11000000000000"],
    ["with an unknown flag", "020200000c000000090000003a11000000000000"],
    ["with reserved bytes set", "020101000c000000090000003a11000000000000"],
    ["an offset beyond any stream", "020100000c00000009000000ffffffffffffffff"],
  ])("refuses a frame %s", (_, hex) => {
    expect(unpack(fromHex(hex), FRAME_SPEECH)).toBeNull();
  });
});

function frame(
  kind: number,
  stream: number,
  seq: number,
  offset: number,
  samples: number[],
  last: boolean,
): AudioFrame {
  return { kind, stream, seq, offset, last, pcm: new Int16Array(samples) };
}

function toHex(buffer: ArrayBuffer): string {
  return [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(hex: string): ArrayBuffer {
  const bytes = hex.match(/../g) ?? [];
  return Uint8Array.from(bytes, (byte) => parseInt(byte, 16)).buffer;
}
