/** A click switches hands-free; a press that lasts talks until it ends. Pointer and Space alike. */

import { useEffect, useRef, type PointerEvent } from "react";
import type { VoiceClient } from "../client/voice-client";

/** A press longer than this is a hold, in ms. */
const HOLD_MS = 300;
const MICROPHONE_SELECTOR = "[data-press-to-talk]";
const OWN_USE_OF_SPACE = "button, input, textarea, select, summary, a[href], [contenteditable]";

class Press {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private down = false;
  private held = false;

  constructor(private readonly client: VoiceClient) {}

  start(quietly: boolean): void {
    if (this.down) return;
    this.down = true;
    this.held = false;
    this.client.pressStart(quietly);
    this.timer = setTimeout(() => {
      this.held = true;
      this.client.pressHeld();
    }, HOLD_MS);
  }

  /** @returns true where it was short: a click. */
  end(): boolean {
    if (!this.down) return false;
    this.down = false;
    clearTimeout(this.timer);
    this.client.pressEnd();
    return !this.held;
  }
}

/** Handlers for the microphone button; also makes Space a key to hold, anywhere on the page. */
export function usePress(client: VoiceClient, enabled: boolean) {
  const press = useRef<Press | null>(null);

  useEffect(() => {
    const current = new Press(client);
    press.current = current;
    let onButton = false;

    const keyDown = (event: KeyboardEvent): void => {
      if (event.code !== "Space" || event.ctrlKey || event.altKey || event.metaKey) return;
      const target = event.target instanceof Element ? event.target : document.body;
      onButton = target.closest(MICROPHONE_SELECTOR) !== null;
      if (!onButton && target.closest(OWN_USE_OF_SPACE) !== null) return;
      event.preventDefault();
      // Away from the button a short press may be an accident: it must not ask for anything.
      if (!event.repeat) current.start(!onButton);
    };
    const keyUp = (event: KeyboardEvent): void => {
      if (event.code !== "Space") return;
      if (event.target instanceof Element && event.target.closest(MICROPHONE_SELECTOR) !== null) {
        event.preventDefault();
      }
      if (current.end() && onButton) client.toggleHandsFree();
    };
    const cancel = (): void => {
      current.end();
    };

    window.addEventListener("keydown", keyDown);
    window.addEventListener("keyup", keyUp);
    window.addEventListener("blur", cancel);
    return () => {
      cancel();
      window.removeEventListener("keydown", keyDown);
      window.removeEventListener("keyup", keyUp);
      window.removeEventListener("blur", cancel);
    };
  }, [client]);

  useEffect(() => {
    // A button that is disabled under the finger hears of no release.
    if (!enabled) press.current?.end();
  }, [enabled]);

  return {
    onPointerDown: (event: PointerEvent<HTMLButtonElement>) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      press.current?.start(false);
    },
    onPointerUp: () => {
      if (press.current?.end() === true) client.toggleHandsFree();
    },
    onPointerCancel: () => {
      press.current?.end();
    },
    onClick: (event: { detail: number }) => {
      // Pointers are handled above; this is Enter or an assistive technology.
      if (event.detail === 0) client.toggleHandsFree();
    },
    onContextMenu: (event: { preventDefault: () => void }) => event.preventDefault(),
  };
}
