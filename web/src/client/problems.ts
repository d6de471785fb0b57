/** Everything that can stand between a person and a conversation, and what to do about each. */

import type { OfflineReason } from "./connection";

export type ProblemKind =
  | "insecure_context"
  | "no_worklet"
  | "microphone_denied"
  | "microphone_missing"
  | "microphone_busy"
  | "microphone_failed"
  | "microphone_lost"
  | "playback_refused"
  | "playback_failed"
  | "slow_network"
  | "server_gone"
  | "server_refused"
  | "server_closed"
  | "opened_elsewhere"
  | "export_failed"
  | "session_missing"
  | "session_deleted"
  | "shutting_down";

/** What a notice offers to do. */
export type NoticeAction = "reconnect" | "unlock" | "reload" | "continue" | "new_session";

export interface Notice {
  /** Notices with the same id replace each other. */
  id: string;
  tone: "error" | "warning" | "info";
  title: string;
  /** What to do next, in plain words. */
  advice: string;
  /** A command to type, shown as such. */
  command?: string;
  action?: { label: string; run: NoticeAction };
  /** Finds the matching lines in the server's log. */
  reference?: string;
}

export class Problem extends Error {
  constructor(readonly kind: ProblemKind) {
    super(kind);
    this.name = "Problem";
  }

  /** Which problem a refusal of getUserMedia is. */
  static ofMicrophone(error: unknown): Problem {
    switch (error instanceof DOMException ? error.name : "") {
      case "NotAllowedError":
      case "SecurityError":
        return new Problem("microphone_denied");
      case "NotFoundError":
      case "OverconstrainedError":
        return new Problem("microphone_missing");
      case "NotReadableError":
      case "AbortError":
        return new Problem("microphone_busy");
      default:
        return new Problem("microphone_failed");
    }
  }
}

type Text = Omit<Notice, "id">;

const TEXTS: Record<ProblemKind, Text> = {
  insecure_context: {
    tone: "warning",
    title: "Voice needs a secure page",
    advice:
      "You can type and read. For microphone and sound, start the server as below, on a network " +
      "where you trust everybody, and open this address with https:// in front.",
    command: "voicechat serve --host 0.0.0.0 --insecure --tls-self-signed",
  },
  no_worklet: {
    tone: "warning",
    title: "This browser cannot do live audio",
    advice:
      "It has no AudioWorklet. Use a current Chrome, Edge, Firefox or Safari to talk; " +
      "typing works here as well.",
  },
  microphone_denied: {
    tone: "error",
    title: "The microphone is blocked for this page",
    advice:
      "Allow it in the site settings, at the left of the address bar, and press the microphone " +
      "button again. On a phone or Mac, check the system's privacy settings too.",
  },
  microphone_missing: {
    tone: "error",
    title: "No microphone was found",
    advice: "Connect one, or choose one in the system's sound settings, and press the button again.",
  },
  microphone_busy: {
    tone: "error",
    title: "The microphone is in use",
    advice: "Another program holds it. Close calls and recorders, then press the button again.",
  },
  microphone_failed: {
    tone: "error",
    title: "The microphone could not be started",
    advice: "Press the button again. If that does not help, reload the page.",
    action: { label: "Reload", run: "reload" },
  },
  microphone_lost: {
    tone: "warning",
    title: "The microphone went away",
    advice: "It was unplugged or its permission was taken back. Press the button to start again.",
  },
  playback_refused: {
    tone: "warning",
    title: "The browser holds back the sound",
    advice: "Pages may play sound only after you have touched them.",
    action: { label: "Play sound", run: "unlock" },
  },
  playback_failed: {
    tone: "error",
    title: "The sound could not be started",
    advice: "A part of the page could not be loaded. Reload it; until then you can read the answers.",
    action: { label: "Reload", run: "reload" },
  },
  slow_network: {
    tone: "warning",
    title: "The connection is too slow for your voice",
    advice: "The microphone was switched off. Move closer to the Wi-Fi, or type.",
  },
  server_gone: {
    tone: "error",
    title: "The server does not answer",
    advice: "See that it is running and that this device is on its network, then connect again.",
    action: { label: "Connect again", run: "reconnect" },
  },
  server_refused: {
    tone: "error",
    title: "The server does not accept this page",
    advice: "It was probably updated. Reload the page to get the matching version.",
    action: { label: "Reload", run: "reload" },
  },
  server_closed: {
    tone: "warning",
    title: "The server has closed the connection",
    advice: "The conversation is kept. Connect again to go on with it.",
    action: { label: "Connect again", run: "reconnect" },
  },
  opened_elsewhere: {
    tone: "info",
    title: "This conversation is open elsewhere",
    advice: "Another window or device goes on with it. It can be in one place at a time.",
    action: { label: "Use it here", run: "reconnect" },
  },
  export_failed: {
    tone: "warning",
    title: "The conversation could not be exported",
    advice: "See that the server is connected, then try again.",
  },
  session_missing: {
    tone: "info",
    title: "A new conversation has begun",
    advice: "The server no longer has the earlier one.",
  },
  session_deleted: {
    tone: "info",
    title: "This conversation was deleted",
    advice: "Another window or device has deleted it. A new one has begun.",
  },
  shutting_down: {
    tone: "warning",
    title: "The server is shutting down",
    advice: "An answer in progress may still finish. This page tries to connect again for a minute or " +
      "two, and whenever you come back to it.",
  },
};

/** What it means that no further try is made. */
export const OFFLINE_PROBLEMS: Record<OfflineReason, ProblemKind> = {
  gave_up: "server_gone",
  refused: "server_refused",
  closed: "server_closed",
  opened_elsewhere: "opened_elsewhere",
};

/** Forgotten when somebody presses the microphone button again. */
export const MICROPHONE_PROBLEMS: readonly ProblemKind[] = [
  "microphone_denied",
  "microphone_missing",
  "microphone_busy",
  "microphone_failed",
  "microphone_lost",
  "slow_network",
];

/** Ids of notices that are over with the next connection. */
export const CONNECTION_NOTICES: readonly string[] = [
  "server_gone",
  "server_refused",
  "server_closed",
  "opened_elsewhere",
  "shutting_down",
  "slow_network",
  // Its parts come from the server as well.
  "microphone_failed",
  "error:server_shutting_down",
  "error:backpressure",
  "error:capacity_exceeded",
  "error:forbidden",
  "error:unsupported_protocol",
];

export function noticeOf(kind: ProblemKind): Notice {
  return { id: kind, ...TEXTS[kind] };
}
