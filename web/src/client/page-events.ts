/** What happens to the page from outside: somebody comes back to it, touches it, the network is back. */

export interface PageEvents {
  /** The network is back, or somebody sees the page again: a good moment to connect. */
  onReturn: () => void;
  /** Somebody looks at the page. */
  onSeen: () => void;
  /** A gesture of the user: what the browser has held back until one is allowed now. */
  onGesture: () => void;
}

/** Watch for as long as the page lives. */
export function watchPage({ onReturn, onSeen, onGesture }: PageEvents): void {
  window.addEventListener("online", onReturn);
  window.addEventListener("focus", onSeen);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    onSeen();
    onReturn();
  });
  for (const gesture of ["pointerup", "keydown"]) {
    window.addEventListener(gesture, onGesture, { capture: true });
  }
}
