import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { pack } from "../protocol/frames";
import { FRAME_SPEECH, type ServerMessage } from "../protocol/messages";
import {
  Connection,
  HEARTBEAT_MS,
  socketUrl,
  WELCOME_TIMEOUT_MS,
  type ConnectionState,
  type Socket,
} from "./connection";

class FakeSocket implements Socket {
  binaryType: BinaryType = "blob";
  bufferedAmount = 0;
  readyState: 0 | 1 | 2 | 3 = 0;
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  sent: unknown[] = [];

  send(data: unknown): void {
    this.sent.push(typeof data === "string" ? JSON.parse(data) : data);
  }

  close(): void {
    this.readyState = 3;
  }

  accept(): void {
    this.readyState = 1;
    this.onopen?.call(this as unknown as WebSocket, new Event("open"));
  }

  say(data: unknown): void {
    const text = data instanceof ArrayBuffer ? data : JSON.stringify(data);
    this.onmessage?.call(this as unknown as WebSocket, new MessageEvent("message", { data: text }));
  }

  die(code = 1006): void {
    this.readyState = 3;
    const event = Object.assign(new Event("close"), { code });
    this.onclose?.call(this as unknown as WebSocket, event as CloseEvent);
  }
}

const WELCOME = { type: "welcome", output_rate: 48000 };
const READY = { type: "session_ready", session_id: "s" };

let sockets: FakeSocket[];
let states: ConnectionState[];
let messages: ServerMessage[];
let audio: number[];
let connection: Connection;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  states = [];
  messages = [];
  audio = [];
  connection = new Connection({
    url: "ws://here/ws",
    hello: () => ({ client: "test", output_rate: 48_000, speak: true }),
    opening: () => ({ type: "create_session" }),
    onState: (state) => states.push(state),
    onMessage: (message) => messages.push(message),
    onAudio: (frame) => audio.push(frame.stream),
    open: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    random: () => 1,
  });
});

afterEach(() => vi.useRealTimers());

const newest = (): FakeSocket => sockets.at(-1) ?? expect.fail("no socket was opened");

function welcome(): FakeSocket {
  const socket = newest();
  socket.accept();
  socket.say(WELCOME);
  socket.say(READY);
  return socket;
}

describe("Connection", () => {
  it("says hello first and at once what is wanted, and sends the numbers that it is given", () => {
    connection.connect();
    expect(connection.send({ type: "user_message", text: "too early" }, 1)).toBe(false);
    const socket = welcome();
    expect(connection.send({ type: "user_message", text: "hi" }, 2)).toBe(true);
    expect(connection.send({ type: "ack", seq: 7 })).toBe(true);
    expect(socket.sent).toEqual([
      { type: "hello", protocol: 1, client: "test", output_rate: 48_000, speak: true },
      { type: "create_session" },
      { type: "user_message", text: "hi", seq: 2 },
      { type: "ack", seq: 7 },
    ]);
    expect(states.map((state) => state.phase)).toEqual(["connecting", "connected"]);
  });

  it("hands on messages and speech, and ignores what it cannot read", () => {
    connection.connect();
    const socket = welcome();
    socket.say({ type: "pong", nonce: "" });
    socket.say(["no", "message"]);
    socket.say(new ArrayBuffer(3));
    const pcm = new Int16Array(2);
    socket.say(pack({ kind: FRAME_SPEECH, stream: 4, seq: 0, offset: 0, last: false, pcm }));
    expect(messages.map((message) => message.type)).toEqual(["welcome", "session_ready", "pong"]);
    expect(audio).toEqual([4]);
  });

  it("tries ten times, each after a longer wait, and then leaves it to the user", () => {
    connection.connect();
    newest().die();
    for (const [tries, seconds] of [1, 2, 4, 8, 16, 30, 30, 30, 30, 30].entries()) {
      expect(states.at(-1)).toEqual({ phase: "reconnecting", attempt: tries + 1, attempts: 10 });
      vi.advanceTimersByTime(seconds * 1000 - 1);
      expect(sockets).toHaveLength(tries + 1);
      vi.advanceTimersByTime(1);
      expect(sockets).toHaveLength(tries + 2);
      newest().die();
    }
    expect(states.at(-1)).toEqual({ phase: "offline", reason: "gave_up" });
    vi.advanceTimersByTime(3_600_000);
    expect(sockets).toHaveLength(11);

    connection.connect();
    welcome();
    expect(states.at(-1)).toEqual({ phase: "connected" });
  });

  it("counts the tries anew only once a session is driven", () => {
    connection.connect();
    newest().die();
    vi.advanceTimersByTime(1000);
    newest().accept();
    newest().die();
    expect(states.at(-1)).toMatchObject({ attempt: 2 });
    vi.advanceTimersByTime(2000);
    newest().accept();
    newest().say(WELCOME);
    newest().say({ type: "error", code: "capacity_exceeded" });
    newest().die(1013);
    expect(states.at(-1)).toMatchObject({ attempt: 3 });
    vi.advanceTimersByTime(4000);
    welcome().die();
    expect(states.at(-1)).toMatchObject({ attempt: 1 });
  });

  it.each<[number, string]>([
    [4500, "opened_elsewhere"],
    [4501, "closed"],
    [4999, "closed"],
    [1000, "closed"],
    [1009, "closed"],
    [1008, "refused"],
  ])("stays away after close code %i: %s", (code, reason) => {
    connection.connect();
    welcome().die(code);
    expect(states.at(-1)).toEqual({ phase: "offline", reason });
    connection.hurry();
    vi.advanceTimersByTime(600_000);
    expect(sockets).toHaveLength(1);
    connection.connect();
    welcome();
    expect(states.at(-1)).toEqual({ phase: "connected" });
  });

  it.each([1001, 1006, 1011, 1013, 4000, 4001, 4002, 4499, 5000])("comes back after close code %i", (code) => {
    connection.connect();
    welcome().die(code);
    expect(states.at(-1)).toMatchObject({ phase: "reconnecting" });
  });

  it("gives up a socket that brings no welcome", () => {
    connection.connect();
    newest().accept();
    vi.advanceTimersByTime(WELCOME_TIMEOUT_MS);
    expect(states.at(-1)).toMatchObject({ phase: "reconnecting" });
    expect(sockets[0]?.readyState).toBe(3);
  });

  it("notices a dead server by its silence", () => {
    connection.connect();
    const socket = welcome();
    vi.advanceTimersByTime(HEARTBEAT_MS);
    expect(socket.sent.at(-1)).toMatchObject({ type: "ping" });
    socket.say({ type: "pong", nonce: "" });
    vi.advanceTimersByTime(HEARTBEAT_MS);
    expect(states.at(-1)).toEqual({ phase: "connected" });
    vi.advanceTimersByTime(HEARTBEAT_MS);
    expect(states.at(-1)).toMatchObject({ phase: "reconnecting" });
  });

  it("does not try again where the server refuses this page", () => {
    connection.connect();
    newest().accept();
    newest().say({ type: "error", code: "unsupported_protocol", message: "", client_seq: 1 });
    expect(states.at(-1)).toEqual({ phase: "offline", reason: "refused" });
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(1);
  });

  it("tries at once when the network is back", () => {
    connection.connect();
    newest().die();
    connection.hurry();
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(1000);
    expect(sockets).toHaveLength(2);
  });

  it("begins again with all tries when somebody comes back after it gave up", () => {
    connection.connect();
    for (let tries = 0; tries < 11; tries++) {
      newest().die();
      vi.advanceTimersByTime(30_000);
    }
    expect(states.at(-1)).toEqual({ phase: "offline", reason: "gave_up" });
    connection.hurry();
    expect(sockets).toHaveLength(12);
    expect(states.at(-1)).toEqual({ phase: "connecting" });
    newest().die();
    expect(states.at(-1)).toMatchObject({ phase: "reconnecting", attempt: 1 });
  });

  it("does not hurry what was refused, or is connected", () => {
    connection.connect();
    welcome();
    connection.hurry();
    expect(sockets).toHaveLength(1);
    connection.connect();
    newest().accept();
    newest().say({ type: "error", code: "unsupported_protocol", message: "", client_seq: 1 });
    connection.hurry();
    expect(sockets).toHaveLength(2);
  });

  it("ignores the late end of a socket that it has left", () => {
    connection.connect();
    const old = newest();
    const late = old.onclose;
    connection.connect();
    welcome();
    late?.call(old as unknown as WebSocket, new Event("close") as CloseEvent);
    expect(states.at(-1)).toEqual({ phase: "connected" });
  });

  it("refuses audio when the network does not keep up", () => {
    connection.connect();
    const socket = welcome();
    expect(connection.sendAudio(new ArrayBuffer(20))).toBe(true);
    // Half a minute at 48 kHz, which is sent again after a reconnect.
    socket.bufferedAmount = 30 * 48_000 * 2;
    expect(connection.sendAudio(new ArrayBuffer(20))).toBe(true);
    socket.bufferedAmount = 5 * 1024 * 1024;
    expect(connection.sendAudio(new ArrayBuffer(20))).toBe(false);
  });

  it("leaves no timer behind when it is closed", () => {
    connection.connect();
    welcome();
    connection.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("finds the server where the page came from", () => {
  expect(socketUrl({ protocol: "https:", host: "pi:8443" })).toBe("wss://pi:8443/ws");
  expect(socketUrl({ protocol: "http:", host: "127.0.0.1:8000" })).toBe("ws://127.0.0.1:8000/ws");
});
