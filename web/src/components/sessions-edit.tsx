/** What stands in the place of a conversation while it gets another title, or before it is deleted. */

import { useEffect, useRef, useState, type KeyboardEvent } from "react";

/** The server takes no longer title, in characters. */
const MAX_TITLE = 120;

interface RenameProps {
  title: string;
  onSave: (title: string) => void;
  /** A key has ended it. */
  onLeave: () => void;
  /** The focus went elsewhere. */
  onLeft: () => void;
}

/** Enter or going elsewhere saves, Escape does not; a title is never empty. */
export function Rename({ title, onSave, onLeave, onLeft }: RenameProps) {
  const [text, setText] = useState(title);
  const field = useRef<HTMLInputElement>(null);
  const wanted = text.trim();

  useEffect(() => field.current?.select(), []);

  const save = (): void => {
    if (wanted !== "" && wanted !== title) onSave(wanted);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.nativeEvent.isComposing) return;
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault(); // the drawer stays
    if (event.key === "Enter") save();
    onLeave();
  };

  return (
    <input
      ref={field}
      className="session-rename"
      value={text}
      maxLength={MAX_TITLE}
      placeholder="Title"
      aria-label="Title of the conversation"
      autoComplete="off"
      autoFocus
      enterKeyHint="done"
      onChange={(event) => setText(event.target.value)}
      onKeyDown={onKeyDown}
      onBlur={() => {
        save();
        onLeft();
      }}
      data-testid="session-rename-input"
    />
  );
}

interface ConfirmProps {
  title: string;
  onDelete: () => void;
  onCancel: () => void;
}

export function Confirm({ title, onDelete, onCancel }: ConfirmProps) {
  return (
    <div
      className="session-confirm"
      role="group"
      aria-label={`Delete “${title}” for good?`}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault(); // the drawer stays
        onCancel();
      }}
    >
      <p className="session-title">{title}</p>
      <p>Delete for good?</p>
      <button type="button" className="danger" onClick={onDelete} data-testid="session-delete-confirm">
        Delete
      </button>
      <button
        type="button"
        className="quiet"
        autoFocus
        onClick={onCancel}
        data-testid="session-delete-cancel"
      >
        Cancel
      </button>
    </div>
  );
}
