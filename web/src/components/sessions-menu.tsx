/** What can be done with a conversation, behind one button. */

import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { MoreIcon } from "./icons";

/** Between button and menu, in pixels. */
const GAP = 4;

export interface MenuAction {
  name: string;
  testId: string;
  run: () => void;
  disabled?: boolean;
  /** It cannot be undone. */
  danger?: boolean;
}

interface Props {
  /** Of the conversation. */
  title: string;
  actions: readonly MenuAction[];
  onOpen: (open: boolean) => void;
}

export function SessionMenu({ title, actions, onOpen }: Props) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!open) return;
    // It stands still while the list below it moves.
    const onScroll = (event: Event): void => {
      const moved = event.target instanceof Node && event.target.contains(button.current);
      if (moved) menu.current?.hidePopover();
    };
    window.addEventListener("scroll", onScroll, { capture: true });
    return () => window.removeEventListener("scroll", onScroll, { capture: true });
  }, [open]);

  const items = (): HTMLElement[] =>
    Array.from(menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? []);

  const onKeyDown = (event: KeyboardEvent): void => {
    const all = items();
    const at = all.findIndex((item) => item === document.activeElement);
    const next = nextPlace(event.key, at, all.length);
    if (next !== null) {
      event.preventDefault();
      all[next]?.focus();
    } else if (event.key === "Tab") {
      menu.current?.hidePopover(); // the focus goes on from the button
    }
  };

  return (
    <>
      <button
        type="button"
        ref={button}
        className="quiet square more"
        aria-label={`Actions for “${title}”`}
        aria-haspopup="menu"
        aria-expanded={open}
        popoverTarget={id}
        data-testid="session-menu"
      >
        <MoreIcon />
      </button>
      <div
        id={id}
        ref={menu}
        popover="auto"
        role="menu"
        aria-label={`Actions for “${title}”`}
        className="session-actions"
        onBeforeToggle={(event) => {
          const opens = event.newState === "open";
          if (opens && button.current !== null) place(event.currentTarget, button.current);
          if (opens) setOpen(true);
          onOpen(opens);
        }}
        onToggle={(event) => {
          if (event.newState === "open") items()[0]?.focus();
          // Not sooner: from an item that is gone the browser gives no focus back.
          else setOpen(false);
        }}
        onKeyDown={onKeyDown}
      >
        {open &&
          actions.map(({ name, testId, run, disabled = false, danger = false }) => (
            <button
              key={testId}
              type="button"
              role="menuitem"
              tabIndex={-1}
              className={danger ? "danger-text" : undefined}
              aria-disabled={disabled}
              onClick={() => {
                if (disabled) return;
                menu.current?.hidePopover();
                run();
              }}
              data-testid={testId}
            >
              {name}
            </button>
          ))}
      </div>
    </>
  );
}

/** Where the focus goes in a menu or a list; null: the key is not one of those that move it. */
export function nextPlace(key: string, at: number, count: number): number | null {
  switch (key) {
    case "ArrowDown":
      return (at + 1) % count;
    case "ArrowUp":
      return (Math.max(at, 0) - 1 + count) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/** Below its button, or above it where there is more room; their right edges in one line. */
function place(menu: HTMLElement, button: HTMLElement): void {
  const { top, bottom, right } = button.getBoundingClientRect();
  const { clientHeight, clientWidth } = document.documentElement;
  const below = top + bottom < clientHeight;
  menu.style.right = `${clientWidth - right}px`;
  menu.style.top = below ? `${bottom + GAP}px` : "auto";
  menu.style.bottom = below ? "auto" : `${clientHeight - top + GAP}px`;
  menu.style.maxHeight = `${(below ? clientHeight - bottom : top) - 2 * GAP}px`;
}
