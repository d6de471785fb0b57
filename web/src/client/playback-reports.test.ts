import { expect, it } from "vitest";
import { PlaybackReports } from "./playback-reports";

const at = (played: number, done = false, turn = 1) => ({ turn, played, done });

it("tells the position at least every 200 ms, less what is still on its way to the ear", () => {
  const reports = new PlaybackReports();
  reports.expect(1);
  const sent: [ms: number, played: number][] = [];
  for (let ms = 0; ms <= 1000; ms += 50.7) {
    const report = reports.update(at(Math.round(ms * 48)), 480, ms);
    if (report !== null) sent.push([ms, report.played]);
  }
  expect(sent.length).toBeGreaterThanOrEqual(6);
  for (const [i, [ms, played]] of sent.entries()) {
    expect(played).toBe(Math.round(ms * 48) - 480);
    expect(ms - (sent[i - 1]?.[0] ?? 0)).toBeLessThanOrEqual(200);
  }
});

it("does not say that it plays before anything can be heard", () => {
  const reports = new PlaybackReports();
  reports.expect(1);
  expect(reports.update(at(400), 480, 0)).toBeNull();
  expect(reports.update(at(500), 480, 10)).toMatchObject({ played: 20, done: false });
});

it("tells the end at once, in full, and only once", () => {
  const reports = new PlaybackReports();
  reports.expect(1);
  reports.update(at(100), 0, 0);
  expect(reports.update(at(480, true), 100, 10)).toEqual({
    type: "playback",
    turn: 1,
    played: 480,
    done: true,
  });
  expect(reports.update(at(480, true), 100, 1000)).toBeNull();
});

it("tells that nothing was heard of an answer that was stopped in time", () => {
  const reports = new PlaybackReports();
  reports.expect(3);
  expect(reports.update(at(0, true, 3), 100, 0)).toMatchObject({ turn: 3, played: 0, done: true });
});

it("tells nothing of a turn without speech", () => {
  expect(new PlaybackReports().update(at(0, true, 2), 0, 0)).toBeNull();
});

it("starts again with the turns of a new session", () => {
  const reports = new PlaybackReports();
  reports.expect(7);
  reports.reset();
  reports.expect(1);
  expect(reports.update(at(10, true), 0, 0)).toMatchObject({ turn: 1 });
});

it("tells of speech that came after its turn was stopped", () => {
  const reports = new PlaybackReports();
  expect(reports.update(at(0, true, 4), 0, 0)).toBeNull();
  expect(reports.expect(4)).toEqual({ type: "playback", turn: 4, played: 0, done: true });
  expect(reports.update(at(0, true, 4), 0, 10)).toBeNull();
  expect(reports.expect(5)).toBeNull();
});

it("tells of speech that came after a newer turn's begin", () => {
  const reports = new PlaybackReports();
  reports.update(at(0, false, 7), 0, 0);
  expect(reports.expect(6)).toMatchObject({ turn: 6, played: 0, done: true });
});

it("gives a turn up where it was heard last, once", () => {
  const reports = new PlaybackReports();
  expect(reports.abandon()).toBeNull();
  reports.expect(1);
  reports.update(at(960), 480, 0);
  expect(reports.abandon()).toMatchObject({ turn: 1, played: 480, done: true });
  expect(reports.abandon()).toBeNull();
  expect(reports.update(at(2000, true), 0, 500)).toBeNull();
});

it("remembers what it told last, until turns count from the start again", () => {
  const reports = new PlaybackReports();
  expect(reports.newest).toBeNull();
  reports.expect(1);
  reports.update(at(960), 0, 0);
  reports.update(at(970), 0, 1); // too soon to be told
  expect(reports.newest).toMatchObject({ turn: 1, played: 960, done: false });
  expect(reports.abandon()).toEqual(reports.newest);
  reports.reset();
  expect(reports.newest).toBeNull();
});
