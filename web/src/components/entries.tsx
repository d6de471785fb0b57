/** One bubble each for what the user said and what was answered. */

import { memo } from "react";
import type { AssistantEntry, UserEntry } from "../stores/conversation";
import { TimerIcon } from "./icons";
import { Timings } from "./timings";

export const UserBubble = memo(function UserBubble({ entry }: { entry: UserEntry }) {
  const refused = entry.status === "refused";
  return (
    <article
      className={`bubble user ${entry.status}`}
      data-testid="message-user"
      data-status={entry.status}
      aria-label="You"
    >
      <p className="words">{refused && entry.text === "" ? "(unclear speech)" : entry.text}</p>
      {refused && <p className="note">Heard, but not understood</p>}
      {entry.status === "failed" && <p className="note">Not delivered. Send it again.</p>}
    </article>
  );
});

export function PartialBubble({ text }: { text: string }) {
  return (
    <article className="bubble user partial" data-testid="partial" aria-hidden="true">
      <p className="words">
        {text}
        <span className="typing">
          <i />
          <i />
          <i />
        </span>
      </p>
    </article>
  );
}

const STOPPED: Record<NonNullable<AssistantEntry["reason"]>, string> = {
  interrupted: "Stopped",
  // Also where only its speech was cut short: its text can be whole.
  new_turn: "Interrupted",
  shutdown: "Stopped: the server is shutting down",
  connection: "Stopped: the connection was lost",
};

export const AssistantBubble = memo(function AssistantBubble({ entry }: { entry: AssistantEntry }) {
  const { failure, timings } = entry;
  const streaming = entry.status === "streaming";
  return (
    <article
      className={`bubble assistant ${entry.status}`}
      data-testid="message-assistant"
      data-status={entry.status}
      data-turn={entry.turn}
      aria-label="Assistant"
      aria-busy={streaming}
    >
      {entry.origin === "assistant" && (
        <p className="origin">
          <TimerIcon />
          Timer
        </p>
      )}
      {(entry.text !== "" || streaming) && (
        <p className="words">
          {entry.text}
          {streaming && <span className="cursor" aria-hidden="true" />}
        </p>
      )}
      {entry.status === "stopped" && <p className="note">{STOPPED[entry.reason ?? "interrupted"]}</p>}
      {failure !== null && (
        <div className="failure">
          <strong>{failure.message}</strong>
          {failure.advice !== "" && <p>{failure.advice}</p>}
          <small>Reference {failure.reference}</small>
        </div>
      )}
      {timings !== null && entry.origin !== "assistant" && <Timings timings={timings} />}
    </article>
  );
});
