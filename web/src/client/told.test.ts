import { expect, it } from "vitest";
import { Told } from "./told";

const wanted = (speak: boolean, patience: number | null = null) => ({ speak, patience, configured: 0.5 });

it("tells a new session what was chosen, once", () => {
  const told = new Told();
  told.begun(true);
  expect(told.differs(wanted(true))).toBeNull();
  expect(told.differs(wanted(true, 0.8))).toEqual({ type: "settings", patience: 0.8 });
  expect(told.differs(wanted(true, 0.8))).toBeNull();
  expect(told.differs(wanted(false, 0.8))).toEqual({ type: "settings", speak: false });
});

it("tells a session that goes on what its connection does not know", () => {
  const told = new Told();
  told.begun(true);
  told.differs(wanted(false, 0.8));
  told.goesOn(true);
  expect(told.differs(wanted(false, 0.8))).toEqual({ type: "settings", speak: false });
  told.goesOn(false);
  expect(told.differs(wanted(false, 0.8))).toBeNull();
});

it("goes back to what is configured where something else was told", () => {
  const told = new Told();
  told.begun(true);
  told.differs(wanted(true, 0.8));
  expect(told.differs(wanted(true))).toEqual({ type: "settings", patience: 0.5 });
  expect(told.differs({ ...wanted(true), configured: null })).toBeNull();
});

it("tells everything to a session that may have been told otherwise", () => {
  const told = new Told();
  told.unsure();
  expect(told.differs(wanted(false))).toEqual({ type: "settings", speak: false, patience: 0.5 });
  told.unsure();
  expect(told.differs(wanted(true, 0.2))).toEqual({ type: "settings", speak: true, patience: 0.2 });
});
