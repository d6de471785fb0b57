/**
 * All that this page knows of one session: enough to come back to it after the network was lost,
 * or another session was driven meanwhile, without losing or doubling anything. Pure.
 */

import type {
  CreateSession,
  Resume,
  SessionReady,
  SessionRestored,
  SwitchSession,
} from "../protocol/messages";
import { EMPTY, type Conversation } from "../stores/conversation";
import type { Ticket } from "./identity";
import { Received } from "./received";
import { Told } from "./told";
import { isFrame, Uplink, type Step } from "./uplink";

/** What follows from driving a session (again). */
export interface Attached {
  /** To be sent now, in order. */
  steps: readonly Step[];
  /** The new numbers of texts that were kept, by their old ones. */
  numbers: ReadonlyMap<number, number>;
  /** The same server went on with it: what is being played goes on. */
  goesOn: boolean;
}

export class Session {
  readonly received = new Received();
  readonly uplink = new Uplink();
  readonly told = new Told();
  /** What was said in it; of the session that is shown the store has it. */
  conversation: Conversation = EMPTY;
  /** The server has ended it; `final`: it cannot be gone on with. */
  ended: "no" | "resumable" | "final" = "no";
  private epoch: string | null = null;

  /**
   * @param id null: it has not begun.
   * @param secret null: known from a list only.
   */
  constructor(
    public id: string | null = null,
    private secret: string | null = null,
  ) {}

  /** What a reload of the page needs; null: it has not begun. */
  get ticket(): Ticket | null {
    const { id, secret } = this;
    return id === null || secret === null ? null : { id, secret };
  }

  /**
   * What asks the server for it.
   *
   * @param buffered the loudspeaker holds what was not played of it.
   * @param back the connection is new: the session's own secret opens it.
   * @param client which page this is: whose numbers ours are.
   */
  opening(buffered: boolean, back: boolean, client: string): CreateSession | Resume | SwitchSession {
    if (this.id === null) return { type: "create_session", client };
    const place = {
      session_id: this.id,
      buffered,
      client_seq: this.uplink.first,
      client,
      ...(this.epoch !== null && { epoch: this.epoch, seq: this.received.largest }),
    };
    // An ended one has no place to resume: it is gone on with from its history.
    if (!back || this.secret === null || this.ended !== "no") {
      return { type: "switch_session", ...place };
    }
    return { type: "resume", ...place, secret: this.secret, reopen: true };
  }

  /**
   * It has begun, or another has begun in its stead: what was kept is said there.
   *
   * @param spoke what the connection's hello said of speech.
   */
  begun(message: SessionReady, spoke: boolean): Attached {
    this.identify(message);
    this.received.restart(0, false);
    this.told.begun(spoke);
    return { ...this.uplink.beginAnew(), goesOn: false };
  }

  /** It goes on. `again`: speech that was not played comes again. */
  restored(message: SessionRestored, spoke: boolean, again: boolean): Attached {
    const before = this.epoch;
    const goesOn = before === message.epoch;
    this.identify(message);
    if (message.history === null) this.received.goOn(again);
    else this.received.restart(message.seq, true);
    if (goesOn) {
      const missing = this.uplink.missing(message);
      // What was said of them on another connection comes after what is known of this one.
      const said = missing.steps.some((step) => !isFrame(step) && step.message.type === "settings");
      if (said || message.client_seq > message.own_seq) this.told.unsure();
      else this.told.goesOn(spoke);
      return { ...missing, goesOn };
    }
    this.told.unsure();
    // Of a page that is loaded again nothing can be in the history, though its numbers can.
    const history = before === null ? [] : (message.history ?? []);
    return { ...this.uplink.renew(message, history), goesOn };
  }

  /** The server does not know it: what is kept is said in the next one. */
  forget(): void {
    this.id = this.secret = this.epoch = null;
  }

  private identify({ session_id, secret, epoch }: SessionReady | SessionRestored): void {
    this.id = session_id;
    this.secret = secret;
    this.epoch = epoch;
    this.ended = "no";
  }
}
