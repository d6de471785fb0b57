import { expect, it } from "vitest";
import type { SessionInfo, SessionList } from "../protocol/messages";
import { ready, restored, WELCOME } from "./conversation-fixtures";
import { createSessionsStore } from "./sessions";

const info = (session_id: string, title = session_id): SessionInfo => ({
  session_id,
  title,
  state: "active",
  created_at: "2026-11-21T20:00:00Z",
  last_active_at: "2026-11-21T20:00:00Z",
  message_count: 2,
  snippet: "",
});
const list = (sessions: SessionInfo[], query = ""): SessionList => ({
  type: "session_list",
  query,
  sessions,
  current: null,
});

it("knows which session is driven, and whether the server can be asked", () => {
  const store = createSessionsStore();
  expect(store.getState()).toMatchObject({ current: null, available: false });
  store.apply(WELCOME);
  store.setSwitching(true);
  store.apply(ready("a"));
  expect(store.getState()).toMatchObject({ current: "a", available: true, switching: false });
  store.apply(restored(null, { session_id: "b" }));
  expect(store.getState().current).toBe("b");
  const end = { type: "session_terminated", reason: "expired", message: "", resumable: true } as const;
  store.apply({ ...end, session_id: "a" });
  expect(store.getState().current).toBe("b");
  store.apply({ ...end, session_id: "b" });
  expect(store.getState().current).toBeNull();
  store.setUnavailable();
  expect(store.getState().available).toBe(false);
});

it("tells the list from what a search has found, and old searches from the one that counts", () => {
  const store = createSessionsStore();
  store.apply(list([info("a"), info("b")]));
  store.setQuery("tea");
  store.apply(list([info("z")], "te"));
  expect(store.getState().found).toBeNull();
  store.apply(list([info("b")], "tea"));
  expect(store.getState().found).toEqual([info("b")]);
  store.setQuery("tea");
  expect(store.getState().found).toEqual([info("b")]);
  store.setQuery("");
  expect(store.getState()).toMatchObject({ found: null, list: [info("a"), info("b")] });
});

it("shows a change before the server has told it back", () => {
  const store = createSessionsStore();
  store.apply(list([info("a"), info("b")]));
  store.rename("b", "Tea");
  expect(store.getState()).toMatchObject({ list: [info("a"), info("b", "Tea")], found: null });
  store.setQuery("tea");
  store.apply(list([info("b")], "tea"));
  store.rename("b", "Cake");
  store.remove("a");
  expect(store.getState()).toMatchObject({ list: [info("b", "Cake")], found: [info("b", "Cake")] });
  store.remove("b");
  expect(store.getState()).toMatchObject({ list: [], found: [] });
});
