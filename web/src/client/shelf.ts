/** The sessions of which this page remembers where it was. Pure. */

import type { Session } from "./session";

/** The others come from the server anew. */
export const KEEP_SESSIONS = 20;

export class Shelf {
  /** By id, least recently driven first. */
  private readonly sessions = new Map<string, Session>();

  get(id: string): Session | undefined {
    return this.sessions.get(id);
  }

  /** It is driven now, maybe under another id than before; the least recently driven goes. */
  keep(session: Session): void {
    for (const [id, each] of this.sessions) if (each === session) this.sessions.delete(id);
    if (session.id === null) return;
    this.sessions.set(session.id, session);
    for (const id of [...this.sessions.keys()].slice(0, -KEEP_SESSIONS)) this.sessions.delete(id);
  }

  forget(id: string): void {
    this.sessions.delete(id);
  }
}
