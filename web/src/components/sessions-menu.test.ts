import { expect, it } from "vitest";
import { nextPlace } from "./sessions-menu";

it.each([
  ["ArrowDown", 0, 1],
  ["ArrowDown", 3, 0],
  ["ArrowDown", -1, 0],
  ["ArrowUp", 1, 0],
  ["ArrowUp", 0, 3],
  ["ArrowUp", -1, 3],
  ["Home", 2, 0],
  ["End", 0, 3],
  ["Enter", 1, null],
  ["Tab", 1, null],
])("%s at %i goes to %s", (key, at, next) => expect(nextPlace(key, at, 4)).toBe(next));
