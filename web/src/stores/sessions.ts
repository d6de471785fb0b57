/** The conversations of this user, and which of them the page drives. */

import { createStore } from "zustand/vanilla";
import type { ServerMessage, SessionInfo } from "../protocol/messages";

export interface Sessions {
  /** Newest first. */
  list: SessionInfo[];
  /** The one that is driven; null: none. */
  current: string | null;
  /** What is searched for; empty: nothing. */
  query: string;
  /** What the search has found; null: no answer yet, or no search. */
  found: SessionInfo[] | null;
  /** Another one is on its way. */
  switching: boolean;
  /** The server can be asked. */
  available: boolean;
  /** The server has no place for this page. */
  full: boolean;
}

const INITIAL: Sessions = {
  list: [],
  current: null,
  query: "",
  found: null,
  switching: false,
  available: false,
  full: false,
};

export function reduceSessions(state: Sessions, message: ServerMessage): Sessions {
  switch (message.type) {
    case "welcome":
      return { ...state, available: true };
    case "session_list":
      if (message.query === "") return { ...state, list: message.sessions, full: false };
      // The answer to a search of before says nothing any more.
      return message.query === state.query ? { ...state, found: message.sessions } : state;
    case "session_ready":
    case "session_restored":
      return { ...state, current: message.session_id, switching: false, full: false };
    case "session_terminated":
      return message.session_id === state.current ? { ...state, current: null } : state;
    case "error":
      // Not one of the session: of those it drives one.
      if (message.code !== "capacity_exceeded" || message.seq !== undefined) return state;
      return message.client_seq === null ? { ...state, full: true } : state;
    default:
      return state;
  }
}

/** A title as it will be, before the server's next list. */
function renamed(sessions: SessionInfo[], id: string, title: string): SessionInfo[] {
  return sessions.map((each) => (each.session_id === id ? { ...each, title } : each));
}

export function createSessionsStore() {
  const store = createStore<Sessions>(() => INITIAL);
  return {
    ...store,
    apply: (message: ServerMessage) => store.setState((state) => reduceSessions(state, message)),
    setSwitching: (switching: boolean) => store.setState({ switching }),
    /** Nothing can be asked while the connection is away; what is known stays. */
    setUnavailable: () => store.setState({ available: false }),
    setQuery: (query: string) =>
      store.setState((state) => (query === state.query ? state : { query, found: null })),
    rename: (id: string, title: string) =>
      store.setState(({ list, found }) => ({
        list: renamed(list, id, title),
        found: found && renamed(found, id, title),
      })),
    remove: (id: string) =>
      store.setState(({ list, found }) => ({
        list: list.filter((each) => each.session_id !== id),
        found: found?.filter((each) => each.session_id !== id) ?? null,
      })),
  };
}

export type SessionsStore = ReturnType<typeof createSessionsStore>;
