/** What the user has chosen, remembered by this browser. */

import { read, write } from "./storage";

const SPEAK_KEY = "voicechat.speak";
const PATIENCE_KEY = "voicechat.patience";

/** Whether answers are to be spoken. */
export function savedSpeak(): boolean {
  return read("local", SPEAK_KEY) !== "no";
}

export function saveSpeak(speak: boolean): void {
  write("local", SPEAK_KEY, speak ? "yes" : "no");
}

/** How patient the server is to be, 0 to 1; null: as it is configured. */
export function savedPatience(): number | null {
  const patience = Number.parseFloat(read("local", PATIENCE_KEY) ?? "");
  return patience >= 0 && patience <= 1 ? patience : null;
}

export function savePatience(patience: number | null): void {
  write("local", PATIENCE_KEY, patience === null ? null : String(patience));
}
