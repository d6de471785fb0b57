/** Which settings a session has been told, so that it is told again only what differs. Pure. */

import type { Settings } from "../protocol/messages";

export interface Wanted {
  speak: boolean;
  /** Null: nothing was chosen. */
  patience: number | null;
  /** What the server is configured to; null: it has not said. */
  configured: number | null;
}

export class Told {
  /** Null: not known. */
  private speak: boolean | null = null;
  /** Null: nothing, so that it is what is configured. Undefined: not known. */
  private patience: number | null | undefined = undefined;

  /** The session has just begun, with what its connection's hello said. */
  begun(speak: boolean): void {
    this.speak = speak;
    this.patience = null;
  }

  /** It goes on; only what a hello says is set anew. */
  goesOn(speak: boolean): void {
    this.speak = speak;
  }

  /** It may have been told otherwise. */
  unsure(): void {
    this.speak = null;
    this.patience = undefined;
  }

  /** What is to be said now, which counts as said; null: nothing. */
  differs({ speak, patience, configured }: Wanted): Settings | null {
    const settings: Settings = { type: "settings" };
    if (speak !== this.speak) settings.speak = this.speak = speak;
    const wanted = patience ?? (this.patience === null ? null : configured);
    if (wanted !== null && wanted !== this.patience) settings.patience = this.patience = wanted;
    return settings.speak === undefined && settings.patience === undefined ? null : settings;
  }
}
