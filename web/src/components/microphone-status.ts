/** What the microphone is doing, or what can be done with it, in a few words. */

import type { AudioStatus } from "../stores/audio";

export interface Surroundings {
  connected: boolean;
  /** There is no keyboard to speak of. */
  touch: boolean;
}

/** Why the microphone button can't be used now; null: it can. Switching off is always possible. */
export function hindrance(state: AudioStatus, connected: boolean): string | null {
  if (!state.canListen) return "Voice needs a secure page";
  const { handsFree, held } = state.microphone;
  return connected || handsFree || held ? null : "Waiting for the server";
}

/** The line below the microphone button. */
export function describeMicrophone(state: AudioStatus, { connected, touch }: Surroundings): string {
  const { opening, held, muted, handsFree, mode } = state.microphone;
  const speaking = touch ? "Speaking. The square stops it" : "Speaking. Esc stops it";
  if (opening) return "Allow the microphone in your browser";
  if (held && connected) return mode === null ? "Waiting for the server" : "Listening. Release to send";
  if (state.speakingTurn !== null && !state.hearing) return muted ? `Muted. ${speaking}` : speaking;
  if (muted) return "Muted: nothing is sent";
  const hindered = hindrance(state, connected);
  if (hindered !== null) return hindered;
  if (!handsFree && !held) {
    return touch
      ? "Tap for hands-free, or hold to talk"
      : "Click for hands-free, hold (or Space) to talk";
  }
  if (mode === null) return "Waiting for the server";
  return state.hearing ? "Hearing you" : "Listening";
}
