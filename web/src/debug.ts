/** What end-to-end tests look at; there only when the address has `?debug=1`. */

import type { ConversationEvent } from "./stores/conversation";
import type { VoiceClient } from "./client/voice-client";

interface Debug {
  conversation: () => unknown;
  connection: () => unknown;
  audio: () => unknown;
  thermal: () => unknown;
  sessions: () => unknown;
  /** Largest absolute sample that was really played so far, in [0, 1]. */
  playbackPeak: () => number;
  /** Samples played so far, of all turns. */
  playedSamples: () => number;
  /** Samples per second of what is played. */
  outputRate: () => number;
  /** The last 30 s of what was played. */
  recordedOutput: () => Int16Array;
  /** The end of the last sound before `before`, both in seconds of the loudspeaker's time. */
  silentFrom: (before?: number) => number;
  /** The end of what was played before `before`, pauses included; in the same seconds. */
  stoppedAt: (before?: number) => number;
  /** Seconds from what is rendered to what is heard. */
  outputLatency: () => number;
  /** Everything that reached the conversation. */
  events: () => readonly Stamped<ConversationEvent>[];
  /** Loudness of each microphone frame that was sent, RMS in [0, 1]. */
  microphone: () => readonly Stamped<number>[];
}

interface Stamped<T> {
  /** When it came, in seconds of the loudspeaker's time. */
  at: number;
  what: T;
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
  const { player, conversation } = client;
  const events: Stamped<ConversationEvent>[] = [];
  const microphone: Stamped<number>[] = [];
  const stamped = <T>(what: T): Stamped<T> => ({ at: player?.time ?? 0, what });
  const apply = conversation.apply;
  conversation.apply = (event) => {
    events.push(stamped(event));
    apply(event);
  };
  let level = 0;
  Object.defineProperty(client.levels, "microphone", {
    get: () => level,
    set: (value: number) => {
      level = value;
      microphone.push(stamped(value));
    },
  });
  window.__voicechat = {
    conversation: () => client.conversation.getState(),
    connection: () => client.connection.getState(),
    audio: () => client.audio.getState(),
    thermal: () => client.thermal.getState(),
    sessions: () => client.sessions.getState(),
    playbackPeak: () => client.player?.peak ?? 0,
    playedSamples: () => client.player?.totalPlayed ?? 0,
    outputRate: () => client.player?.rate ?? 0,
    recordedOutput: () => client.player?.recorder.samples() ?? new Int16Array(0),
    silentFrom: (before = Infinity) =>
      player === null ? 0 : player.recorder.silentFrom(before * player.rate) / player.rate,
    stoppedAt: (before = Infinity) =>
      player === null ? 0 : player.recorder.stoppedAt(before * player.rate) / player.rate,
    outputLatency: () => (player === null ? 0 : player.latencySamples / player.rate),
    events: () => events,
    microphone: () => microphone,
  };
}
