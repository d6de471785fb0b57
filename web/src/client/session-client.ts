/** Which session this page drives: begins, resumes and switches, and hands on what comes, once. */

import { pack, type AudioFrame } from "../protocol/frames";
import {
  FRAME_MICROPHONE,
  type ClientMessage,
  type ListenMode,
  type Playback,
  type ServerMessage,
  type SessionReady,
  type SessionRestored,
  type SessionTerminated,
} from "../protocol/messages";
import { EMPTY } from "../stores/conversation";
import { Connection, type ConnectionState } from "./connection";
import { randomName, saveTicket, savedTicket, savedUserKey, saveUserKey } from "./identity";
import { Session } from "./session";
import type { SessionClientOptions } from "./session-options";
import { Shelf } from "./shelf";
import type { Numbered, NumberedMessage } from "./unsent";
import { isFrame, type Step } from "./uplink";

export class SessionClient {
  readonly connection: Connection;
  userKey = savedUserKey();

  private current: Session;
  /** Asked for, while `current` is still shown. */
  private wanted: Session | null = null;
  /** The connection drives `current`, and no other session is asked for. */
  private attached = false;
  /** The server has `current` driven, until it says or does otherwise. */
  private driven = false;
  /** Whose speech the loudspeaker holds. */
  private playing: Session | null = null;
  private buffered = false; // the server was told that this goes on
  private readonly known = new Shelf();
  /** What this connection's hello said of speech: all its sessions begin with that. */
  private spoke = true;
  private readonly page = randomName();
  private acknowledging: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: SessionClientOptions) {
    const ticket = savedTicket();
    this.current = new Session(ticket?.id, ticket?.secret);
    this.connection = new Connection({
      url: options.url,
      hello: () => {
        const hello = options.hello();
        this.spoke = hello.speak;
        const key = this.userKey === null ? {} : { user_key: this.userKey };
        return { ...hello, ...key, start: false, acknowledges: true };
      },
      opening: () => this.opening(true),
      onState: (state) => this.stateChanged(state),
      onMessage: (message) => this.receive(message),
      onAudio: (frame) => this.hear(frame),
    });
  }

  /** Nothing can be said while another session is on its way. */
  get switching(): boolean {
    return this.wanted !== null;
  }

  /** The server has ended the session; what is said waits for `revive`. */
  get ended(): boolean {
    return this.current.ended !== "no";
  }

  hasRoom(text: string): boolean {
    return this.current.uplink.hasRoom(text);
  }

  /** Say something that is kept until the server has it; its number. */
  say(message: NumberedMessage): number {
    const numbered = this.current.uplink.say(message);
    this.send(numbered);
    return numbered.seq;
  }

  /** Say something that is worth nothing later. */
  report(message: Playback): void {
    if (this.attached) this.connection.send(message);
  }

  /** Say what the session has not been told of the settings. */
  tellSettings(): void {
    if (!this.attached) return; // told when it is
    const settings = this.current.told.differs(this.options.settings());
    if (settings !== null) this.say(settings);
  }

  openStream(rate: number, mode: ListenMode): void {
    this.send(this.current.uplink.open(rate, mode));
  }

  closeStream(): void {
    const numbered = this.current.uplink.close();
    if (numbered !== null) this.send(numbered);
  }

  /** Send what the microphone hears; false when the network does not keep up. */
  sendFrame(pcm: Int16Array<ArrayBuffer>): boolean {
    const frame = this.current.uplink.capture(pcm);
    if (frame === null || !this.attached || !this.connection.ready) return true; // it is kept
    return this.send(frame);
  }

  /** Begin a new session, or drive the one with this id. */
  open(id: string | null): void {
    if (!this.connection.ready || this.wanted !== null) return;
    if (id !== null && id === this.current.id) {
      this.revive();
      return;
    }
    // The answer to what is asked already must not be taken for the answer to this.
    if (!this.attached && !this.ended) return;
    this.options.onLeaving();
    this.want((id === null ? undefined : this.known.get(id)) ?? new Session(id));
  }

  /** Go on with a session that the server has ended, or with a new one in its stead. */
  revive(): void {
    if (!this.ended || !this.connection.ready || this.wanted !== null) return;
    if (this.current.ended === "final") this.current.forget();
    this.want(this.current);
  }

  private want(session: Session): void {
    this.attached = false;
    this.wanted = session;
    this.options.sessions.setSwitching(true);
    this.connection.send(this.opening(false));
  }

  /** @param back the connection is new. */
  private opening(back: boolean): ClientMessage {
    const session = this.wanted ?? this.current;
    this.buffered = session === this.playing && session.received.whole;
    return session.opening(this.buffered, back, this.page);
  }

  private send(step: Numbered | Step): boolean {
    if (!this.attached) return false;
    const sent = isFrame(step)
      ? this.connection.sendAudio(pack({ kind: FRAME_MICROPHONE, last: false, ...step }))
      : this.connection.send(step.message, step.seq);
    step.sent ||= sent;
    return sent;
  }

  private stateChanged(state: ConnectionState): void {
    if (state.phase !== "connected") {
      this.attached = this.driven = false;
      clearTimeout(this.acknowledging);
      this.acknowledging = undefined;
      this.options.sessions.setUnavailable();
      // The loudspeaker has let go of it: it is played elsewhere.
      if (state.phase === "offline" && state.reason === "opened_elsewhere") this.playing = null;
    }
    this.options.onState(state);
  }

  private receive(message: ServerMessage): void {
    const { seq } = message;
    const numbered = seq !== undefined && message.type !== "session_restored";
    if (numbered && !this.took(seq, "message")) return;
    switch (message.type) {
      case "welcome":
        this.userKey = message.user_key;
        saveUserKey(message.user_key);
        break;
      case "session_ready":
      case "session_restored":
        this.attach(message);
        return;
      case "input_ack":
        this.current.uplink.acknowledge(message.client_seq);
        this.current.uplink.settle(message.stream, message.samples);
        return;
      case "transcript_final":
        this.current.uplink.settle(message.stream, message.until);
        break;
      case "session_terminated":
        this.terminated(message);
        return;
      case "error":
        // Said to a session whose end was on its way: it is kept.
        if (message.code === "session_required") return;
        if (message.code === "session_not_found" && !this.driven) {
          this.options.onMissing();
          return;
        }
        if (seq === undefined && message.client_seq === null) this.failed();
        break;
      default:
        break;
    }
    this.options.onMessage(message);
  }

  private hear(frame: AudioFrame): void {
    if (this.took(frame.seq, "speech")) this.options.onAudio(frame);
  }

  /** Whether it is new; that it came is acknowledged soon. */
  private took(seq: number, kind: "message" | "speech"): boolean {
    const { received } = this.current;
    const taken = received.take(seq, kind, performance.now());
    const due = received.dueIn(performance.now());
    if (due === 0) this.acknowledge();
    else if (due !== null) this.acknowledging ??= setTimeout(() => this.acknowledge(), due);
    return taken;
  }

  private acknowledge(): void {
    clearTimeout(this.acknowledging);
    this.acknowledging = undefined;
    // Not while another session is asked for: the server would take it as of that one.
    if (!this.attached || this.current.received.dueIn(Infinity) === null) return;
    this.connection.send({ type: "ack", seq: this.current.received.acknowledge() });
  }

  /** The connection drives a session now. */
  private attach(message: SessionReady | SessionRestored): void {
    const session = this.meant(message);
    const played = this.buffered && this.playing === session;
    const { steps, numbers, goesOn } =
      message.type === "session_ready"
        ? session.begun(message, this.spoke)
        : session.restored(message, this.spoke, !played);
    this.wanted = null;
    this.playing = session;
    this.show(session);
    // First: the new numbers tell what the server's history cannot have.
    if (numbers.size > 0) this.options.conversation.apply({ type: "local_renumbered", numbers });
    this.options.onMessage(message);
    this.known.keep(session);
    saveTicket(session.ticket);
    this.attached = this.driven = true;
    for (const step of steps) this.send(step);
    // It is told again until it is acknowledged.
    if (message.type === "session_restored" && message.speech_lost) {
      this.connection.send({ type: "ack", seq: session.received.acknowledge() });
    }
    this.tellSettings();
    this.options.onAttached(played && goesOn);
  }

  /** Which session a message tells of. */
  private meant(message: SessionReady | SessionRestored): Session {
    const asked = this.wanted ?? this.current;
    // A new one in the stead of one that cannot be gone on with keeps what was to be said there.
    if (message.type === "session_ready" || asked.id === message.session_id) return asked;
    return this.known.get(message.session_id) ?? new Session(message.session_id);
  }

  private show(session: Session): void {
    if (session === this.current) return;
    const { conversation } = this.options;
    this.current.conversation = conversation.getState();
    this.current = session;
    conversation.setState(session.conversation, true);
    session.conversation = EMPTY;
  }

  private terminated(message: SessionTerminated): void {
    const session = this.known.get(message.session_id);
    if (session !== undefined) session.ended = message.resumable ? "resumable" : "final";
    if (message.reason === "destroyed") this.known.forget(message.session_id);
    if (session !== this.current) return;
    this.attached = this.driven = false;
    this.playing = null;
    this.options.onMessage(message);
    if (message.reason !== "destroyed") return;
    saveTicket(null);
    if (this.wanted === null) this.want(new Session());
  }

  /**
   * What was asked of the server could not be done. Where it drives no session, it begins another
   * one by itself, or closes.
   */
  private failed(): void {
    if (this.wanted === null || !this.driven) return;
    this.wanted = null;
    this.options.sessions.setSwitching(false);
    this.connection.send(this.opening(false)); // back to where we were
  }
}
