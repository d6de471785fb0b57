/** The conversation; stays at its end unless the reader has scrolled up. */

import { useLayoutEffect, useMemo, useRef, useState } from "react";
import { waitingMessage } from "../stores/thermal";
import { useAudio, useConversation, useThermal } from "./context";
import { AssistantBubble, PartialBubble, UserBubble } from "./entries";
import { DownIcon } from "./icons";
import { Waiting } from "./thermal";
import { isNotice } from "../stores/entries";
import type { ReactNode } from "react";

/** So near to the end, in pixels, counts as at the end. */
const NEAR = 64;

export function ConversationView({ intro }: { intro: ReactNode }) {
  const all = useConversation((state) => state.entries);
  // What a notice says stands there already.
  const entries = useMemo(() => all.filter((entry) => !isNotice(entry)), [all]);
  const partial = useConversation((state) => state.partial);
  // What is said now goes on from words that stand there already.
  const goesOn = useConversation((state) => state.entries.some((entry) => entry.status === "open"));
  const hearing = useAudio((state) => state.hearing);
  const waiting = useThermal(waitingMessage);
  const activeTurn = useConversation((state) => state.activeTurn);
  // The answer that waits in the middle; where there is none, the next one waits to begin.
  const begun = entries.findLast(
    (entry) =>
      entry.kind === "assistant" && entry.status === "streaming" && entry.turn === activeTurn,
  );
  const scroller = useRef<HTMLDivElement>(null);
  const follow = useRef(true);
  const [away, setAway] = useState(false);

  const toEnd = (): void => {
    const element = scroller.current;
    if (element !== null) element.scrollTop = element.scrollHeight;
  };

  useLayoutEffect(() => {
    const newest = entries.at(-1);
    // Who has just sent something wants to see it, and the answer.
    if (newest?.kind === "user" && newest.status === "sending") follow.current = true;
    if (follow.current) toEnd();
  }, [entries, partial, hearing, waiting]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    // Notices, a growing text field or a phone's keyboard change the height.
    const observer = new ResizeObserver(() => {
      if (follow.current) toEnd();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const onScroll = (): void => {
    const element = scroller.current;
    if (element === null) return;
    const distance = element.scrollHeight - element.scrollTop - element.clientHeight;
    follow.current = distance < NEAR;
    setAway(!follow.current);
  };

  const empty = entries.length === 0 && partial === null && waiting === null;
  return (
    <div className="conversation">
      <div
        className="scroller"
        ref={scroller}
        onScroll={onScroll}
        role="log"
        aria-label="Conversation"
        aria-live="off"
        tabIndex={0}
      >
        <div className="column">
          {empty && intro}
          {entries.map((entry) =>
            entry.kind === "user" ? (
              <UserBubble key={entry.id} entry={entry} />
            ) : (
              <AssistantBubble
                key={entry.id}
                entry={entry}
                waiting={entry === begun ? waiting : null}
              />
            ),
          )}
          {!goesOn && ((partial ?? "") !== "" || hearing) && <PartialBubble text={partial ?? ""} />}
          {waiting !== null && begun === undefined && (
            <div className="bubble assistant">
              <Waiting message={waiting} />
            </div>
          )}
        </div>
      </div>
      {away && (
        <button
          type="button"
          className="to-end"
          onClick={() => {
            follow.current = true;
            toEnd();
          }}
        >
          <DownIcon />
          Latest
        </button>
      )}
    </div>
  );
}
