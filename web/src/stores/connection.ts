/** Whether the server is there, and what it said of itself. */

import { createStore } from "zustand/vanilla";
import type { ConnectionState } from "../client/connection";
import type { Notice } from "../client/problems";
import type { ServerMessage, Welcome } from "../protocol/messages";

/** Used until the server has named its own limit. */
const DEFAULT_MAX_TEXT = 32_000;
const KEEP_NOTICES = 4;
/** More than this at a time would leave no room for the conversation. */
const SHOW_NOTICES = 2;

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
    case "error":
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
    dismiss: (...ids: string[]) => {
      // Most calls find nothing to dismiss: then nobody is told.
      if (!store.getState().notices.some((each) => ids.includes(each.id))) return;
      store.setState((state) => ({
        notices: state.notices.filter((each) => !ids.includes(each.id)),
      }));
    },
  };
}

export type ConnectionStore = ReturnType<typeof createConnectionStore>;
