/** What end-to-end tests look at; there only when the address has `?debug=1`. */

import type { VoiceClient } from "./client/voice-client";

interface Debug {
  conversation: () => unknown;
  connection: () => unknown;
  audio: () => unknown;
  /** Largest absolute sample that was really played so far, in [0, 1]. */
  playbackPeak: () => number;
  /** Samples played so far, of all turns. */
  playedSamples: () => number;
  /** Samples per second of what is played. */
  outputRate: () => number;
  /** The last 30 s of what was played. */
  recordedOutput: () => Int16Array;
}

declare global {
  interface Window {
    __voicechat?: Debug;
  }
}

export function wantsDebug(search: string): boolean {
  return new URLSearchParams(search).get("debug") === "1";
}

export function exposeDebug(client: VoiceClient): void {
  window.__voicechat = {
    conversation: () => client.conversation.getState(),
    connection: () => client.connection.getState(),
    audio: () => client.audio.getState(),
    playbackPeak: () => client.player?.peak ?? 0,
    playedSamples: () => client.player?.totalPlayed ?? 0,
    outputRate: () => client.player?.rate ?? 0,
    recordedOutput: () => client.player?.recorder.samples() ?? new Int16Array(0),
  };
}
