/** The user's conversations: a column at the left of a wide page, a drawer on a narrow one. */

import { useEffect, useRef } from "react";
import { CloseIcon, SidebarIcon } from "./icons";
import { Notices } from "./notices";
import { SessionsList } from "./sessions-list";
import type { SessionsPanel } from "./sessions-shown";
import "../sessions.css";

const PANEL = "sessions";
const NAME = "Conversations";

export function SessionsToggle({ panel, wide }: { panel: SessionsPanel; wide: boolean }) {
  return (
    <nav className="sessions-nav" aria-label={NAME}>
      <button
        type="button"
        className="quiet square"
        aria-label={NAME}
        aria-expanded={panel.shown}
        aria-controls={panel.shown ? PANEL : undefined}
        aria-haspopup={wide ? undefined : "dialog"}
        title={panel.shown ? "Hide conversations" : "Show conversations"}
        onClick={panel.toggle}
        data-testid="sessions-toggle"
      >
        <SidebarIcon />
      </button>
    </nav>
  );
}

export function SessionsColumn() {
  return (
    <section id={PANEL} className="sessions" aria-label={NAME} data-testid="sessions">
      <SessionsList />
    </section>
  );
}

/** The browser keeps the focus inside, closes it with Escape, and gives the focus back. */
export function SessionsDrawer({ panel }: { panel: SessionsPanel }) {
  const { shown, close } = panel;
  const dialog = useRef<HTMLDialogElement>(null);

  useEffect(() => {
    const element = dialog.current;
    if (element === null) return;
    if (shown && !element.open) element.showModal();
    if (!shown && element.open) element.close();
  }, [shown]);

  return (
    <dialog
      id={PANEL}
      ref={dialog}
      className="sessions sessions-drawer"
      aria-label={NAME}
      onClose={close}
      onClick={(event) => {
        // What is clicked inside is a child; the dialog itself is what lies beside it.
        if (event.target === event.currentTarget) close();
      }}
      data-testid="sessions"
    >
      {shown && (
        <div className="sessions-inside">
          <div className="sessions-head">
            <h2>{NAME}</h2>
            <button
              type="button"
              className="quiet square"
              aria-label="Close"
              onClick={close}
              data-testid="sessions-close"
            >
              <CloseIcon />
            </button>
          </div>
          {/* Those of the page are out of reach behind the drawer. */}
          <Notices />
          <SessionsList onChosen={close} />
        </div>
      )}
    </dialog>
  );
}
