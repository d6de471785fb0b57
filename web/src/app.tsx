/** The page: header, conversations, notices, the conversation, controls; beside them what can be said. */

import { useEffect, useState } from "react";
import type { VoiceClient } from "./client/voice-client";
import { Announcer } from "./components/announcer";
import { Composer } from "./components/composer";
import { ClientContext, useAudio, useConversation } from "./components/context";
import { Controls } from "./components/controls";
import { ConversationView } from "./components/conversation-view";
import { Header } from "./components/header";
import { Notices } from "./components/notices";
import { RecognizerHelp } from "./components/recognizer-help";
import { SessionsColumn, SessionsDrawer, SessionsToggle } from "./components/sessions";
import { useSessionsPanel } from "./components/sessions-shown";
import { useMedia } from "./components/use-media";

const WIDE = "(min-width: 60rem)";

export function App({ client }: { client: VoiceClient }) {
  const wide = useMedia(WIDE);
  const sessions = useSessionsPanel(wide);
  useInterruptKeys(client);
  return (
    <ClientContext value={client}>
      <div className="page">
        <div className="top">
          <SessionsToggle panel={sessions} wide={wide} />
          <Header />
        </div>
        <div className="middle">
          {wide && sessions.shown && <SessionsColumn />}
          <main className="main">
            <div className="talk">
              <Notices />
              <ConversationView intro={<Intro withHelp={!wide} />} />
              <div className="dock">
                {!wide && <HelpDrawer />}
                <Controls />
                <Composer />
              </div>
            </div>
            {wide && (
              <aside className="aside">
                <RecognizerHelp />
              </aside>
            )}
          </main>
        </div>
        {!wide && <SessionsDrawer panel={sessions} />}
        <Announcer />
      </div>
    </ClientContext>
  );
}

function Intro({ withHelp }: { withHelp: boolean }) {
  const canListen = useAudio((state) => state.canListen);
  return (
    <div className="intro">
      <p className="lead">{canListen ? "Say something, or type it." : "Type something."}</p>
      {withHelp && <RecognizerHelp />}
    </div>
  );
}

/** On a narrow page, once the conversation has begun, the help folds away above the controls. */
function HelpDrawer() {
  const [open, setOpen] = useState(false);
  const empty = useConversation((state) => state.entries.length === 0);
  if (empty) return null;
  return (
    <div className="drawer">
      <button
        type="button"
        className="quiet small"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        data-testid="help-toggle"
      >
        What can I say?
      </button>
      {open && <RecognizerHelp onUsed={() => setOpen(false)} />}
    </div>
  );
}

/** Ctrl+Shift+X stops the answer, wherever the focus is; Escape where it closes nothing else. */
function useInterruptKeys(client: VoiceClient): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const chord = event.ctrlKey && event.shiftKey && event.key.toLowerCase() === "x";
      if (event.key !== "Escape" && !chord) return;
      if (event.isComposing) return;
      if (!chord && closesSomething(event)) return;
      if (chord) event.preventDefault();
      client.interrupt();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [client]);
}

/** Escape closes what is open above the page first, and among the conversations it cancels. */
function closesSomething(event: KeyboardEvent): boolean {
  if (document.querySelector(":popover-open, dialog[open]") !== null) return true;
  // The path is that of the moment: what had the focus may be gone already.
  return event.composedPath().some((each) => each instanceof Element && each.matches(".sessions"));
}
