/**
 * Who this browser is to the server, and which session this tab drives: what a reload needs to go
 * on. A new tab begins a new session of the same user.
 */

import { read, write } from "./storage";

const USER_KEY = "voicechat.user";
const SESSION_KEY = "voicechat.session";

/** What resumes a session. */
export interface Ticket {
  id: string;
  secret: string;
}

/** The key that proves whose sessions these are; null: the server has given none yet. */
export function savedUserKey(): string | null {
  return read("local", USER_KEY);
}

export function saveUserKey(key: string): void {
  write("local", USER_KEY, key);
}

/** The session that this tab drove before it was reloaded. */
export function savedTicket(): Ticket | null {
  try {
    const value: unknown = JSON.parse(read("session", SESSION_KEY) ?? "null");
    return isTicket(value) ? { id: value.id, secret: value.secret } : null;
  } catch {
    return null; // not ours, or spoilt
  }
}

export function saveTicket(ticket: Ticket | null): void {
  write("session", SESSION_KEY, ticket === null ? null : JSON.stringify(ticket));
}

/** Like no other page's, also of this browser. */
export function randomName(): string {
  const numbers = crypto.getRandomValues(new Uint32Array(4)); // randomUUID needs a secure page
  return Array.from(numbers, (each) => each.toString(36)).join("-");
}

function isTicket(value: unknown): value is Ticket {
  if (typeof value !== "object" || value === null) return false;
  return "id" in value && isText(value.id) && "secret" in value && isText(value.secret);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
