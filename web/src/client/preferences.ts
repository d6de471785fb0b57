/** What the user has chosen, remembered by this browser. */

const SPEAK_KEY = "voicechat.speak";
const PATIENCE_KEY = "voicechat.patience";

/** Whether answers are to be spoken. */
export function savedSpeak(): boolean {
  return read(SPEAK_KEY) !== "no";
}

export function saveSpeak(speak: boolean): void {
  write(SPEAK_KEY, speak ? "yes" : "no");
}

/** How patient the server is to be, 0 to 1; null: as it is configured. */
export function savedPatience(): number | null {
  const patience = Number.parseFloat(read(PATIENCE_KEY) ?? "");
  return patience >= 0 && patience <= 1 ? patience : null;
}

export function savePatience(patience: number | null): void {
  write(PATIENCE_KEY, patience === null ? null : String(patience));
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is switched off in this browser
  }
}

function write(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Storage is switched off: the choice then lasts as long as the page.
  }
}
