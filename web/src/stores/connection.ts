/** Whether the server is there, and what it said of itself. */

import { createStore } from "zustand/vanilla";
import type { ConnectionState } from "../client/connection";
import type { Notice } from "../client/problems";
import type { ServerMessage, SessionTerminated, Welcome } from "../protocol/messages";

/** Used until the server has named its own limit. */
const DEFAULT_MAX_TEXT = 32_000;
const KEEP_NOTICES = 4;
/** More than this at a time would leave no room for the conversation. */
const SHOW_NOTICES = 2;
/** Over with the session that they tell of. */
export const SESSION_WARNING = "session_warning";
export const SESSION_NOTICES: readonly string[] = [SESSION_WARNING, "session_ended"];

export interface ConnectionStatus {
  connection: ConnectionState;
  welcome: Welcome | null;
  maxText: number;
  /** Seconds that the server leaves itself, once it has said that it ends. */
  shuttingDown: number | null;
  notices: readonly Notice[];
}

const INITIAL: ConnectionStatus = {
  connection: { phase: "connecting" },
  welcome: null,
  maxText: DEFAULT_MAX_TEXT,
  shuttingDown: null,
  notices: [],
};

/** What a message of the server changes here. */
export function reduceStatus(state: ConnectionStatus, message: ServerMessage): ConnectionStatus {
  switch (message.type) {
    case "welcome":
      return { ...state, welcome: message, maxText: message.max_text, shuttingDown: null };
    case "server_shutting_down":
      return { ...state, shuttingDown: message.grace_s };
    case "session_ready":
      return without(state, SESSION_NOTICES);
    case "session_restored":
      return message.history === null ? state : without(state, SESSION_NOTICES);
    case "session_warning":
      return withNotice(state, warning(message.remaining_seconds));
    case "session_terminated":
      return ended(without(state, SESSION_NOTICES), message);
    case "error":
      // A new session follows, which says it all.
      if (message.code === "session_expired") return state;
      return withNotice(state, {
        id: `error:${message.code}`,
        tone: message.retryable ? "warning" : "error",
        title: message.message,
        advice: message.suggested_action,
        reference: message.correlation_id,
      });
    default:
      return state;
  }
}

function withNotice(state: ConnectionStatus, notice: Notice): ConnectionStatus {
  const others = state.notices.filter((each) => each.id !== notice.id);
  return { ...state, notices: [...others, notice].slice(-KEEP_NOTICES) };
}

function without(state: ConnectionStatus, ids: readonly string[]): ConnectionStatus {
  const notices = state.notices.filter((each) => !ids.includes(each.id));
  // Most calls find nothing to dismiss: then nobody is told.
  return notices.length === state.notices.length ? state : { ...state, notices };
}

function warning(seconds: number): Notice {
  return {
    id: SESSION_WARNING,
    tone: "info",
    title: `This conversation ends in ${roughly(seconds)}`,
    advice: "It has lasted as long as one may. It is kept, and you can go on with it then.",
  };
}

function roughly(seconds: number): string {
  if (seconds <= 60) return "less than a minute";
  const minutes = Math.round(seconds / 60);
  return minutes === 1 ? "a minute" : `${minutes} minutes`;
}

function ended(state: ConnectionStatus, message: SessionTerminated): ConnectionStatus {
  // Whoever has deleted it knows; the others are told by who knows that it was not here.
  return message.reason === "destroyed" ? state : withNotice(state, ending(message));
}

function ending({ message, resumable }: SessionTerminated): Notice {
  return {
    id: "session_ended",
    tone: "info",
    title: message,
    advice: resumable ? "It is kept: you can go on with it." : "",
    action: resumable
      ? { label: "Continue", run: "continue" }
      : { label: "New conversation", run: "new_session" },
  };
}

/** The notices to be seen now: the newest; older ones follow as these are dismissed. */
export function shownNotices(state: ConnectionStatus): readonly Notice[] {
  return state.notices.slice(-SHOW_NOTICES);
}

export function createConnectionStore() {
  const store = createStore<ConnectionStatus>(() => INITIAL);
  return {
    ...store,
    apply: (message: ServerMessage) => store.setState((state) => reduceStatus(state, message)),
    setConnection: (connection: ConnectionState) => store.setState({ connection }),
    notify: (notice: Notice) => store.setState((state) => withNotice(state, notice)),
    dismiss: (...ids: string[]) => store.setState((state) => without(state, ids)),
  };
}

export type ConnectionStore = ReturnType<typeof createConnectionStore>;
