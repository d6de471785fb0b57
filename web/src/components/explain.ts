/** What a turn's record says, in plain words. */

import type { TurnTrace } from "../protocol/messages";

/** A shorter wait, in ms, explains nothing. */
const NOTICEABLE_MS = 500;

/** Milliseconds as people read them: 6 ms, 0.52 s. */
export function duration(ms: number): string {
  return Math.abs(ms) < 100 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** One sentence for each thing that was decided in the turn, in the order of time. */
export function explain(trace: TurnTrace): string[] {
  return [
    endOfTurn(trace),
    merged(trace),
    draft(trace),
    cooling(trace),
    falseAlarms(trace),
    end(trace),
  ].filter((sentence) => sentence !== null);
}

function endOfTurn({ endpoint, pause_ms }: TurnTrace): string | null {
  const ended =
    pause_ms === null ? "Your turn ended" : `Your turn ended after ${duration(pause_ms)} of silence`;
  switch (endpoint) {
    case null:
      return null;
    case "complete":
      return `${ended}: what you said was complete.`;
    case "extendable":
      return `${ended}: what you said was complete, but could have gone on.`;
    case "silence":
      return `${ended}: your words did not tell whether more would come.`;
    case "open":
      return `${ended}: it sounded unfinished, but no more came.`;
    case "max_length":
      return "Your turn ended because it was as long as one may be.";
    case "closed":
      return "Your turn ended when you let go or closed the microphone.";
    default:
      return `${ended}.`; // a server newer than this page
  }
}

function merged({ replaces }: TurnTrace): string | null {
  return replaces === null ? null : "You went on after a pause: both parts were answered as one.";
}

function draft({ speculation, drafts_dropped }: TurnTrace): string | null {
  const dropped = drafts_dropped === 1 ? "one draft" : `${drafts_dropped} drafts`;
  if (speculation === "hit") {
    const before = drafts_dropped > 0 ? `, after ${dropped} for fewer words` : "";
    return `The answer was prepared while waiting for you to finish${before}.`;
  }
  return drafts_dropped > 0 ? `Prepared too early and thrown away: ${dropped}.` : null;
}

function cooling({ cooling_ms }: TurnTrace): string | null {
  // Also null for a server older than this page, which does not tell.
  if (!(cooling_ms >= NOTICEABLE_MS)) return null;
  return `The machine had to cool down: ${(cooling_ms / 1000).toFixed(1)} s.`;
}

function falseAlarms({ false_alarms }: TurnTrace): string | null {
  if (false_alarms === 0) return null;
  const sounds = false_alarms === 1 ? "One sound was" : `${false_alarms} sounds were`;
  return `${sounds} taken for no interruption: the answer went on.`;
}

function end({ outcome, stopped, played_ms, audio_ms }: TurnTrace): string | null {
  if (outcome === "complete") return null;
  const heard = audio_ms > 0 ? ` after ${duration(played_ms)} of its speech` : "";
  if (outcome === "failed") return `The answer failed${heard}.`;
  switch (stopped) {
    case "interrupted":
      return `You stopped the answer${heard}.`;
    case "barge_in":
      return `You spoke, and the answer stopped${heard}.`;
    case "new_turn":
      return `You asked something else, and the answer stopped${heard}.`;
    case "reopened":
      return "You had not finished: the answer was withdrawn before you heard it.";
    case "shutdown":
      return `The server shut down, and the answer stopped${heard}.`;
    default:
      return `The answer stopped${heard}.`;
  }
}
