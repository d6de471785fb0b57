/** One bubble each for what the user said and what was answered. */

import { memo } from "react";
import { questionOf } from "../stores/conversation";
import type { AssistantEntry, UserEntry } from "../stores/entries";
import { useClient, useConnected, useConversation, useSessions } from "./context";
import { describeStop, heardOf } from "./heard";
import { TimerIcon } from "./icons";
import { Timings } from "./timings";
import { Waiting } from "./thermal";

export const UserBubble = memo(function UserBubble({ entry }: { entry: UserEntry }) {
  const refused = entry.status === "refused";
  // What is being said now goes on from these words, and is heard together with them.
  const open = entry.status === "open";
  const whole = useConversation((state) => (open ? state.partial : null));
  const text = whole === null || whole === "" ? entry.text : whole;
  return (
    <article
      className={`bubble user ${entry.status}`}
      data-testid="message-user"
      data-status={entry.status}
      aria-label="You"
    >
      <p className="words">
        {refused && text === "" ? "(unclear speech)" : text}
        {open && <Typing />}
      </p>
      {entry.status === "sending" && <Waits />}
      {refused && <p className="note">Heard, but not understood</p>}
      {entry.status === "failed" && <p className="note">Not delivered. Send it again.</p>}
    </article>
  );
});

/** Why what was typed stays unsent. */
function Waits() {
  const connected = useConnected();
  if (connected) return null;
  return (
    <p className="note" data-testid="waits">
      Will be sent when the connection is back
    </p>
  );
}

export function PartialBubble({ text }: { text: string }) {
  return (
    <article className="bubble user partial" data-testid="partial" aria-hidden="true">
      <p className="words">
        {text}
        <Typing />
      </p>
    </article>
  );
}

function Typing() {
  return (
    <span className="typing" aria-hidden="true">
      <i />
      <i />
      <i />
    </span>
  );
}

interface Answer {
  entry: AssistantEntry;
  /** Why nothing more comes at the moment; null where that is not so. */
  waiting: string | null;
}

export const AssistantBubble = memo(function AssistantBubble({ entry, waiting }: Answer) {
  const { failure } = entry;
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
      {(entry.text !== "" || (streaming && waiting === null)) && (
        <p className="words">
          <Words entry={entry} />
          {streaming && waiting === null && <span className="cursor" aria-hidden="true" />}
        </p>
      )}
      {waiting !== null && <Waiting message={waiting} />}
      {entry.status === "stopped" && <p className="note">{describeStop(entry)}</p>}
      {entry.status === "lost" && <Lost entry={entry} />}
      {failure !== null && (
        <div className="failure">
          <strong>{failure.message}</strong>
          {failure.advice !== "" && <p>{failure.advice}</p>}
          {failure.reference !== "" && <small>Reference {failure.reference}</small>}
        </div>
      )}
      {entry.origin !== "assistant" && <Timings entry={entry} />}
    </article>
  );
});

/** The server ended before the answer was there; once another follows it need not be asked for. */
function Lost({ entry }: { entry: AssistantEntry }) {
  const client = useClient();
  const switching = useSessions((state) => state.switching);
  const newest = useConversation((state) => state.entries.at(-1)?.id === entry.id);
  const question = useConversation((state) => questionOf(state, entry.turn));
  return (
    <div className="failure" data-testid="lost">
      <p>The server stopped before the answer{entry.text !== "" && " was complete"}</p>
      {newest && question !== null && (
        <button
          type="button"
          className="quiet small"
          disabled={switching}
          onClick={() => client.askAgain(entry.turn)}
          data-testid="ask-again"
        >
          Ask again
        </button>
      )}
    </div>
  );
}

/** The answer; what was not heard of it is told apart for the eye and for the ear. */
function Words({ entry }: { entry: AssistantEntry }) {
  const { heard, unheard } = heardOf(entry);
  if (unheard === "") return heard;
  return (
    <>
      {heard}
      <span className="sr-only"> Not heard: </span>
      <span className="unheard" data-testid="unheard">
        {unheard}
      </span>
    </>
  );
}
