import { describe, expect, it } from "vitest";
import { describeEmpty, fullTime, inOrder, relativeTime, snippetParts, titleOf } from "./sessions-words";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function ago(ms: number): string {
  return relativeTime(new Date(NOW - ms).toISOString(), NOW);
}

describe("how long ago it was", () => {
  it.each([
    [0, "just now"],
    [MINUTE - 1, "just now"],
    [MINUTE, "1 min ago"],
    [5 * MINUTE + 20_000, "5 min ago"],
    [HOUR - 1, "59 min ago"],
    [HOUR, "1 h ago"],
    [DAY - 1, "23 h ago"],
    [DAY, "1 day ago"],
    [2 * DAY - 1, "1 day ago"],
    [6 * DAY, "6 days ago"],
    [7 * DAY, "14 Nov"],
    [330 * DAY, "26 Dec 2025"],
  ])("%d ms: %s", (past, words) => expect(ago(past)).toBe(words));

  it("takes what is of a clock ahead of this one for now", () => {
    expect(ago(-5 * MINUTE)).toBe("just now");
  });

  it("understands other zones", () => {
    expect(relativeTime("2026-11-21T13:30:00+02:00", NOW)).toBe("30 min ago");
  });

  it("says nothing of what is no time", () => {
    expect(relativeTime("", NOW)).toBe("");
    expect(fullTime("soon")).toBe("");
  });

  it("can tell all of it", () => {
    expect(fullTime("2026-11-21T12:00:00Z")).toMatch(/^21 Nov 2026, \d\d:\d\d$/);
  });
});

describe("the words that were found", () => {
  it("stand apart from the others", () => {
    expect(snippetParts("…set a [timer] for tea, another [timer]")).toEqual([
      { text: "…set a ", found: false },
      { text: "timer", found: true },
      { text: " for tea, another ", found: false },
      { text: "timer", found: true },
    ]);
  });

  it.each(["", "no brackets", "half [open", "half] closed", "empty []"])(
    "leaves %j as it is",
    (snippet) => {
      expect(snippetParts(snippet)).toEqual(snippet === "" ? [] : [{ text: snippet, found: false }]);
    },
  );

  it("takes the innermost where brackets were said", () => {
    expect(snippetParts("a [b [c] d")).toEqual([
      { text: "a [b ", found: false },
      { text: "c", found: true },
      { text: " d", found: false },
    ]);
  });
});

it("names what has no title", () => {
  expect(titleOf({ title: "" })).toBe("New conversation");
  expect(titleOf({ title: "  " })).toBe("New conversation");
  expect(titleOf({ title: "Tea" })).toBe("Tea");
});

describe("an order that is kept", () => {
  const sessions = ["c", "a", "b"].map((session_id) => ({ session_id }));
  const ids = (order: string[] | null): string[] =>
    inOrder(sessions, order).map((session) => session.session_id);

  it("is that of the list where nothing is held", () => {
    expect(ids(null)).toEqual(["c", "a", "b"]);
  });

  it("stays, whatever moved", () => {
    expect(ids(["a", "b", "c"])).toEqual(["a", "b", "c"]);
  });

  it("has new ones first, in their own order, and forgets those that are gone", () => {
    expect(ids(["gone", "b"])).toEqual(["c", "a", "b"]);
    expect(ids(["b", "gone", "a"])).toEqual(["c", "b", "a"]);
  });
});

describe("where there is nothing to be seen", () => {
  it.each([
    [{ phase: "connected" }, true, false, /will be kept here/],
    [{ phase: "connected" }, true, true, /server is full/],
    [{ phase: "reconnecting", attempt: 1, attempts: 10 }, false, true, /server is full/],
    [{ phase: "reconnecting", attempt: 1, attempts: 10 }, false, false, /when the server is there/],
    [{ phase: "offline", reason: "gave_up" }, false, true, /when the server is there/],
    [{ phase: "offline", reason: "opened_elsewhere" }, false, false, /when this page is connected/],
  ] as const)("it is told why: %j, available %s, full %s", (connection, available, full, words) => {
    expect(describeEmpty(connection, available, full)).toMatch(words);
  });
});
