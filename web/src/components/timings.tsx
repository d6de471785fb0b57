/** How long the answer took, where the time went, and what was decided on the way. */

import type { ToggleEvent } from "react";
import type { TurnTimings, TurnTrace } from "../protocol/messages";
import type { AssistantEntry } from "../stores/entries";
import { duration, explain } from "./explain";

interface Stage {
  name: string;
  /** ms after the user had finished. */
  from: number;
  to: number;
}

const STAGES: [keyof TurnTimings, string][] = [
  ["endpoint_ms", "End of turn"],
  ["stt_final_ms", "Transcript"],
  ["first_token_ms", "First words"],
  ["first_audio_ms", "Speech sent"],
  ["first_played_ms", "Speech heard"],
];

/** The stages that were reached, each from the end of the one before. */
export function stagesOf(timings: TurnTimings): Stage[] {
  const stages: Stage[] = [];
  let from = 0;
  for (const [key, name] of STAGES) {
    const to = timings[key];
    if (to === null) continue;
    // What is prepared in a pause can be there before the turn's end was decided.
    stages.push({ name, from: Math.min(from, to), to });
    from = Math.max(from, to);
  }
  return stages;
}

/**
 * When the answer began for the user, in ms; null: it did not.
 *
 * @param trace what else is known of the turn, once it has ended.
 */
export function answeredAfter(timings: TurnTimings, trace: TurnTrace | null): number | null {
  if (timings.first_audio_ms !== null) return timings.first_audio_ms;
  // Words that were to be spoken, but never were, were no answer; with speech off they were read.
  return trace?.heard_chars === 0 ? null : timings.first_token_ms;
}

export function Timings({ entry }: { entry: AssistantEntry }) {
  const { trace } = entry;
  const timings = trace?.timings ?? entry.timings;
  if (timings === null) return null;
  const answered = answeredAfter(timings, trace);
  if (answered === null && trace === null) return null;
  return (
    <details className="timings" data-testid="timings" onToggle={show}>
      <summary>{answered === null ? "Not answered" : `Answered in ${duration(answered)}`}</summary>
      <Waterfall stages={stagesOf(timings)} />
      {trace !== null && <Reasons trace={trace} />}
    </details>
  );
}

/** What was opened is to be seen, also at the end of the conversation. */
function show(event: ToggleEvent<HTMLDetailsElement>): void {
  if (event.currentTarget.open) event.currentTarget.scrollIntoView({ block: "nearest" });
}

function Waterfall({ stages }: { stages: Stage[] }) {
  const whole = Math.max(1, ...stages.map((stage) => stage.to));
  const percent = (ms: number): number => (Math.max(0, ms) / whole) * 100;
  return (
    <ol className="waterfall" aria-label="Time after you had finished">
      {stages.map(({ name, from, to }) => (
        <li key={name}>
          <span>{name}</span>
          <span className="track" aria-hidden="true">
            <span
              className="bar"
              style={{
                marginLeft: `${percent(Math.min(from, whole * 0.99))}%`,
                width: `${Math.max(1, percent(to) - percent(from))}%`,
              }}
            />
          </span>
          <span className="number">{duration(to)}</span>
        </li>
      ))}
    </ol>
  );
}

function Reasons({ trace }: { trace: TurnTrace }) {
  const sentences = explain(trace);
  if (sentences.length === 0) return null;
  return (
    <ul className="reasons" aria-label="What was decided">
      {sentences.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  );
}
