/** One conversation in the list, and in its place what is being done with it. */

import { useRef } from "react";
import { flushSync } from "react-dom";
import type { SessionInfo } from "../protocol/messages";
import { useClient } from "./context";
import { Confirm, Rename } from "./sessions-edit";
import { SessionMenu, type MenuAction } from "./sessions-menu";
import { fullTime, relativeTime, snippetParts, titleOf } from "./sessions-words";

/** What somebody is doing with a conversation, other than having it. */
export type Doing = "menu" | "rename" | "delete";

interface Props {
  session: SessionInfo;
  /** ms since 1970. */
  now: number;
  /** It is the one that is had now. */
  current: boolean;
  /** It was chosen, and is not there yet. */
  busy: boolean;
  /** The server can be asked for something. */
  available: boolean;
  doing: Doing | null;
  onDoing: (doing: Doing | null) => void;
  onChoose: () => void;
}

export function SessionItem(props: Props) {
  const { session, current, doing, onDoing } = props;
  const client = useClient();
  const row = useRef<HTMLLIElement>(null);
  const id = session.session_id;

  /** Back to the list; the focus goes where it began. */
  const leave = (): void => {
    flushSync(() => onDoing(null));
    row.current?.querySelector<HTMLElement>(".more")?.focus();
  };

  const destroy = (): void => {
    // This row goes: the focus stays near.
    const near = row.current?.nextElementSibling ?? row.current?.previousElementSibling;
    const next = near?.querySelector<HTMLElement>(".choose") ?? newButton();
    onDoing(null);
    next?.focus();
    client.destroySession(id);
  };

  return (
    <li
      ref={row}
      className={current ? "session current" : "session"}
      data-testid="session-item"
      data-session={id}
      data-state={session.state}
    >
      {doing === "rename" ? (
        <Rename
          title={session.title}
          onSave={(title) => client.renameSession(id, title)}
          onLeave={leave}
          onLeft={() => onDoing(null)}
        />
      ) : doing === "delete" ? (
        <Confirm title={titleOf(session)} onDelete={destroy} onCancel={leave} />
      ) : (
        <Conversation {...props} />
      )}
    </li>
  );
}

function Conversation({ session, now, current, busy, available, onDoing, onChoose }: Props) {
  const client = useClient();
  const title = titleOf(session);
  const at = session.last_active_at;

  const exportAs = (format: "markdown" | "json"): void => {
    void client.exportSession(session.session_id, format); // a failure becomes a notice
  };

  const actions: MenuAction[] = [
    {
      name: "Rename",
      testId: "session-rename",
      disabled: !available,
      run: () => onDoing("rename"),
    },
    { name: "Export as Markdown", testId: "session-export-md", run: () => exportAs("markdown") },
    { name: "Export as JSON", testId: "session-export-json", run: () => exportAs("json") },
    {
      name: "Delete",
      testId: "session-delete",
      disabled: !available,
      danger: true,
      run: () => onDoing("delete"),
    },
  ];

  return (
    <>
      <button
        type="button"
        className="choose"
        aria-current={current ? "true" : undefined}
        aria-busy={busy}
        aria-disabled={!available && !current}
        title={title}
        onClick={onChoose}
      >
        <span className="session-title">{title}</span>
        <Snippet text={session.snippet} />
        <span className="session-time">
          {busy ? (
            "Opening…"
          ) : (
            <time dateTime={at} title={fullTime(at)}>
              {relativeTime(at, now)}
            </time>
          )}
        </span>
      </button>
      <SessionMenu
        title={title}
        actions={actions}
        onOpen={(open) => onDoing(open ? "menu" : null)}
      />
    </>
  );
}

function Snippet({ text }: { text: string }) {
  if (text === "") return null;
  return (
    <span className="session-snippet">
      {snippetParts(text).map((part, index) =>
        part.found ? <mark key={index}>{part.text}</mark> : <span key={index}>{part.text}</span>,
      )}
    </span>
  );
}

function newButton(): HTMLElement | null {
  return document.querySelector<HTMLElement>(".session-new");
}
