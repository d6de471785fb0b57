/** Whether the conversations are to be seen: beside the page where it is wide, else above it. */

import { useState } from "react";
import { read, write } from "../client/storage";

const SHOWN_KEY = "voicechat.sessions";

export interface SessionsPanel {
  /** They are to be seen now. */
  shown: boolean;
  toggle: () => void;
  close: () => void;
}

/** @param wide there is room beside the conversation: the choice is remembered. */
export function useSessionsPanel(wide: boolean): SessionsPanel {
  const [column, setColumn] = useState(savedShown);
  const [drawer, setDrawer] = useState(false);
  const [wasWide, setWasWide] = useState(wide);
  if (wide !== wasWide) {
    // A drawer that was open must not jump out when the window becomes narrow again.
    setWasWide(wide);
    setDrawer(false);
  }
  const show = (shown: boolean): void => {
    if (!wide) {
      setDrawer(shown);
      return;
    }
    setColumn(shown);
    saveShown(shown);
  };
  const shown = wide ? column : drawer;
  return { shown, toggle: () => show(!shown), close: () => show(false) };
}

function savedShown(): boolean {
  return read("local", SHOWN_KEY) !== "no";
}

function saveShown(shown: boolean): void {
  write("local", SHOWN_KEY, shown ? "yes" : "no");
}
