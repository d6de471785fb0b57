/** What the browser remembers for this page, where it is allowed to. */

/** `local` is for all tabs and lasts; `session` is for this tab, and survives a reload. */
export type Where = "local" | "session";

/** Null where there is nothing, or the browser keeps nothing. */
export function read(where: Where, key: string): string | null {
  try {
    return storage(where).getItem(key);
  } catch {
    return null; // storage is switched off in this browser
  }
}

/** Remember, or with null forget. */
export function write(where: Where, key: string, value: string | null): void {
  try {
    if (value === null) storage(where).removeItem(key);
    else storage(where).setItem(key, value);
  } catch {
    // Storage is switched off, or full: it then lasts as long as the page.
  }
}

function storage(where: Where): Storage {
  return where === "local" ? localStorage : sessionStorage;
}
