/** Tells what stands in the way, and takes it back when it is over. */

import type { ServerMessage } from "../protocol/messages";
import { SESSION_NOTICES, SESSION_WARNING, type ConnectionStore } from "../stores/connection";
import type { ConnectionState } from "./connection";
import { CONNECTION_NOTICES, noticeOf, OFFLINE_PROBLEMS, type ProblemKind } from "./problems";

const MINUTE = 60_000;
/** The end of a session is told again when so much is left, in ms: not each minute, it is read out. */
const TELL_AGAIN = [0, 1, 5, 10, 30, 60].map((minutes) => minutes * MINUTE);

export class Notifier {
  /** The session that was driven last; null: none, or it was deleted. */
  private session: string | null = null;
  /** No session has been driven since the connection was lost. */
  private fresh = true;
  private warning: ReturnType<typeof setTimeout> | undefined;

  /** @param wanted whether this page has deleted that session. */
  constructor(
    private readonly store: ConnectionStore,
    private readonly wanted: (session: string) => boolean,
  ) {}

  /** Show a notice while `there`. */
  notice(kind: ProblemKind, there = true): void {
    if (there) this.store.notify(noticeOf(kind));
    else this.store.dismiss(kind);
  }

  stateChanged(state: ConnectionState): void {
    if (state.phase !== "connected") this.fresh = true;
    if (state.phase === "offline") this.notice(OFFLINE_PROBLEMS[state.reason]);
    else if (state.phase === "connecting") {
      this.store.dismiss("server_gone", "server_closed", "opened_elsewhere");
    }
  }

  /** The page drives this session now. */
  attached(session: string | null): void {
    const another = session !== this.session;
    // Back where it was, because what was asked for could not be done: that is still to be read.
    if (this.fresh || another) this.store.dismiss(...CONNECTION_NOTICES);
    if (another) this.store.dismiss(...SESSION_NOTICES);
    if (another && this.session !== null) this.store.dismiss("session_deleted");
    this.session = session;
    this.fresh = false;
  }

  /** Follow what the server says. */
  apply(message: ServerMessage): void {
    this.store.apply(message);
    if (message.type === "server_shutting_down") this.notice("shutting_down");
    if (message.type === "session_warning") {
      this.warnAgain(performance.now() + message.remaining_seconds * 1000);
    } else if (message.type === "session_terminated" && message.reason === "destroyed") {
      this.session = null; // another one follows
      this.notice("session_deleted", !this.wanted(message.session_id));
    }
  }

  private warnAgain(end: number): void {
    clearTimeout(this.warning);
    const left = end - performance.now();
    const next = TELL_AGAIN.findLast((each) => each < left);
    if (next === undefined) {
      this.store.dismiss(SESSION_WARNING);
      return;
    }
    this.warning = setTimeout(() => {
      // Dismissed, or over: then it stays so.
      if (!this.store.getState().notices.some((each) => each.id === SESSION_WARNING)) return;
      const remaining_seconds = (end - performance.now()) / 1000;
      this.store.apply({ type: "session_warning", remaining_seconds });
      this.warnAgain(end);
    }, left - next);
  }
}
