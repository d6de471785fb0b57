/** What the microphone is doing, or what can be done with it, in a few words. */

import type { ThermalState } from "../protocol/messages";
import type { AudioStatus } from "../stores/audio";

export interface Surroundings {
  connected: boolean;
  /** There is no keyboard to speak of. */
  touch: boolean;
  /** There is an answer that can be stopped. */
  answering: boolean;
  /** What the machine leaves out while work waits because of its heat; null: none does. */
  waiting: ThermalState | null;
}

/** Why the microphone button can't be used now; null: it can. Switching off is always possible. */
export function hindrance(state: AudioStatus, connected: boolean): string | null {
  if (!state.canListen) return "Voice needs a secure page";
  const { handsFree, held } = state.microphone;
  return connected || handsFree || held ? null : "Waiting for the server";
}

/** The line below the microphone button. */
export function describeMicrophone(state: AudioStatus, surroundings: Surroundings): string {
  const { connected, touch, waiting } = surroundings;
  const { opening, held, muted, handsFree, mode } = state.microphone;
  if (opening) return "Allow the microphone in your browser";
  if (held && connected) {
    if (mode === null) return "Waiting for the server";
    return waiting === null ? "Listening. Release to send" : "What you say is kept. Release to send";
  }
  if (waiting !== null && connected) return describeWaiting(state, surroundings, waiting);
  if (state.speakingTurn !== null && !state.hearing) {
    const speaking = `Speaking. ${howToStop(touch)}`;
    return muted ? `Muted. ${speaking}` : speaking;
  }
  if (muted) return "Muted: nothing is sent";
  const hindered = hindrance(state, connected);
  if (hindered !== null) return hindered;
  if (!handsFree && !held) {
    return touch
      ? "Tap for hands-free, or hold to talk"
      : "Click for hands-free, hold (or Space) to talk";
  }
  if (mode === null) return "Waiting for the server";
  if (!connected) return "Waiting for the server. What you say is kept";
  return state.hearing ? "Hearing you" : "Listening";
}

/** In place of what is heard or spoken: the machine's heat holds it up, and that is no fault of the user's. */
function describeWaiting(
  { microphone: { muted, mode } }: AudioStatus,
  { answering, touch }: Surroundings,
  waiting: ThermalState,
): string {
  const sentences = [waitingFor(waiting)];
  if (muted) sentences.unshift("Muted");
  if (answering) sentences.push(howToStop(touch));
  if (mode !== null && !muted) sentences.push("What you say is kept");
  return sentences.join(". ");
}

function waitingFor(state: ThermalState): string {
  switch (state) {
    case "paused":
      return "Waiting until it is cooler";
    case "unknown":
      return "Waiting because of the heat"; // the limits of any state may hold
    default:
      return "Waiting: others are first";
  }
}

function howToStop(touch: boolean): string {
  return touch ? "The square stops it" : "Esc stops it";
}
