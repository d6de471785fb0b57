/**
 * The WebSocket: hello, heartbeat and reconnect. It knows nothing of the conversation; whoever owns
 * it gets messages and audio through callbacks, and says what opens a session.
 */

import { unpack, type AudioFrame } from "../protocol/frames";
import {
  FINAL_CLOSE_CODES,
  FRAME_SPEECH,
  PROTOCOL_VERSION,
  type ClientMessage,
  type Hello,
  type ServerMessage,
} from "../protocol/messages";
import { backoffMs, MAX_ATTEMPTS } from "./backoff";

/** Ask for a sign of life this often; one that stays out until the next is due means: dead. */
export const HEARTBEAT_MS = 20_000;
/** A socket that hasn't brought `welcome` by then is given up. */
export const WELCOME_TIMEOUT_MS = 10_000;
/**
 * More than this waiting in the socket means that the network can't carry live audio. What is sent
 * again after a reconnect, half a minute at 48 kHz, must fit.
 */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
/** Close codes of the server's own that forbid to come back, and the one of a take-over. */
const STAY_AWAY_CODES = { from: 4500, to: 4999 };
const OPENED_ELSEWHERE_CODE = 4500;
const POLICY_CODE = 1008;

/** `refused`: this page does not fit the server. `closed`: the server wants no more of it. */
export type OfflineReason = "gave_up" | "refused" | "opened_elsewhere" | "closed";

export type ConnectionState =
  | { phase: "connecting" }
  | { phase: "connected" }
  | { phase: "reconnecting"; attempt: number; attempts: number }
  | { phase: "offline"; reason: OfflineReason };

/** The part of WebSocket that is used, so that tests can bring their own. */
export type Socket = Pick<
  WebSocket,
  | "binaryType" | "bufferedAmount" | "readyState" | "send" | "close"
  | "onopen" | "onmessage" | "onclose"
>;

export interface ConnectionOptions {
  url: string;
  /** Made anew for each socket: settings may have changed since the last. */
  hello: () => Omit<Hello, "type" | "protocol" | "seq">;
  /** What is wanted, right behind the hello. */
  opening: () => ClientMessage;
  onState: (state: ConnectionState) => void;
  onMessage: (message: ServerMessage) => void;
  onAudio: (frame: AudioFrame) => void;
  open?: (url: string) => Socket;
  random?: () => number;
}

const OPEN = 1;

export class Connection {
  private socket: Socket | null = null;
  private welcomed = false;
  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private guard: ReturnType<typeof setTimeout> | undefined;
  private heartbeat: ReturnType<typeof setInterval> | undefined;
  private heard = true;
  private gaveUp = false;

  constructor(private readonly options: ConnectionOptions) {}

  /** True between `welcome` and the end of the socket. */
  get ready(): boolean {
    return this.welcomed && this.socket?.readyState === OPEN;
  }

  /** Connect, or try again at once with all tries left. */
  connect(): void {
    this.attempt = 0;
    this.drop();
    this.gaveUp = false;
    this.options.onState({ phase: "connecting" });
    this.dial();
  }

  /** Reconnect now, also where it was given up: the network or the person came back. */
  hurry(): void {
    if (this.gaveUp) {
      this.connect();
      return;
    }
    if (this.retry === undefined) return;
    clearTimeout(this.retry);
    this.retry = undefined;
    this.dial();
  }

  /** End for good: no reconnect follows. */
  close(): void {
    this.gaveUp = false;
    this.drop();
  }

  /** Send a message, with its number where it has one; false when there is no connection. */
  send(message: ClientMessage, seq?: number): boolean {
    if (!this.ready) return false;
    this.write(message, seq);
    return true;
  }

  /** Send a packed audio frame; false when the network doesn't keep up or there is none. */
  sendAudio(frame: ArrayBuffer): boolean {
    if (!this.ready || this.socket === null) return false;
    if (this.socket.bufferedAmount > MAX_BUFFERED_BYTES) return false;
    this.socket.send(frame);
    return true;
  }

  private write(message: ClientMessage, seq?: number): void {
    this.socket?.send(JSON.stringify(seq === undefined ? message : { ...message, seq }));
  }

  private dial(): void {
    this.retry = undefined;
    const make = this.options.open ?? ((url: string): Socket => new WebSocket(url));
    const socket = make(this.options.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.welcomed = false;
    this.guard = setTimeout(() => this.lost(socket), WELCOME_TIMEOUT_MS);
    socket.onopen = () => {
      this.write({ type: "hello", protocol: PROTOCOL_VERSION, ...this.options.hello() });
      this.write(this.options.opening());
    };
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = (event) => this.lost(socket, event.code);
  }

  private receive(data: unknown): void {
    this.heard = true;
    if (data instanceof ArrayBuffer) {
      const frame = unpack(data, FRAME_SPEECH);
      if (frame !== null && this.welcomed) this.options.onAudio(frame);
      return;
    }
    const message = parse(data);
    if (message === null) return;
    if (message.type === "welcome") this.settle();
    // A server that is full welcomes as well: only what opens a session counts as success.
    if (OPENED.has(message.type)) this.attempt = 0;
    this.options.onMessage(message);
    if (message.type === "error" && REFUSALS.has(message.code) && !this.welcomed) {
      this.end("refused");
    }
  }

  private settle(): void {
    clearTimeout(this.guard);
    this.welcomed = true;
    this.heard = true;
    clearInterval(this.heartbeat);
    this.heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS);
    this.options.onState({ phase: "connected" });
  }

  private beat(): void {
    const socket = this.socket;
    if (socket === null) return;
    if (!this.heard) {
      this.lost(socket);
      return;
    }
    this.heard = false;
    this.send({ type: "ping" });
  }

  /** The socket is gone, or counts as gone; `onclose` of an older one changes nothing. */
  private lost(socket: Socket, code?: number): void {
    if (socket !== this.socket) return;
    const reason = code === undefined ? null : finality(code);
    if (reason !== null) {
      this.end(reason);
      return;
    }
    this.drop();
    this.attempt += 1;
    if (this.attempt > MAX_ATTEMPTS) {
      this.gaveUp = true;
      this.end("gave_up");
      return;
    }
    this.options.onState({
      phase: "reconnecting",
      attempt: this.attempt,
      attempts: MAX_ATTEMPTS,
    });
    const random = this.options.random ?? Math.random;
    this.retry = setTimeout(() => this.dial(), backoffMs(this.attempt, random()));
  }

  /** No try follows until somebody wants one. */
  private end(reason: OfflineReason): void {
    this.drop();
    this.options.onState({ phase: "offline", reason });
  }

  private drop(): void {
    clearTimeout(this.retry);
    clearTimeout(this.guard);
    clearInterval(this.heartbeat);
    this.retry = undefined;
    const socket = this.socket;
    this.socket = null;
    this.welcomed = false;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}

/** Errors to `hello` that another try can't change. */
const REFUSALS: ReadonlySet<string> = new Set(["unsupported_protocol", "forbidden"]);
/** After these the connection drives a session. */
const OPENED: ReadonlySet<string> = new Set(["session_ready", "session_restored"]);

/** Why not to come back after the server has closed with `code`; null: come back. */
function finality(code: number): OfflineReason | null {
  if (code === OPENED_ELSEWHERE_CODE) return "opened_elsewhere";
  if (code === POLICY_CODE) return "refused";
  const final = FINAL_CLOSE_CODES.includes(code);
  return final || (code >= STAY_AWAY_CODES.from && code <= STAY_AWAY_CODES.to) ? "closed" : null;
}

function parse(data: unknown): ServerMessage | null {
  if (typeof data !== "string") return null;
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value !== "object" || value === null || !("type" in value)) return null;
    return value as ServerMessage;
  } catch {
    return null;
  }
}

/** Where this page's server listens. */
export function socketUrl(location: Pick<Location, "protocol" | "host">): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
}
