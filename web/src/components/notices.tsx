/** What stands in the way right now, each with what to do next. */

import { useShallow } from "zustand/react/shallow";
import type { Notice } from "../client/problems";
import { shownNotices } from "../stores/connection";
import { useClient, useConnection } from "./context";
import { CloseIcon } from "./icons";

export function Notices() {
  const notices = useConnection(useShallow(shownNotices));
  return (
    <div className="notices" role="region" aria-label="Notices" aria-live="assertive">
      {notices.map((notice) => (
        <NoticeCard key={notice.id} notice={notice} />
      ))}
    </div>
  );
}

function NoticeCard({ notice }: { notice: Notice }) {
  const client = useClient();
  const { action } = notice;
  return (
    <div className={`notice ${notice.tone}`} data-testid="notice" data-notice={notice.id}>
      <div className="notice-text">
        <strong>{notice.title}</strong>
        {notice.advice !== "" && <p>{notice.advice}</p>}
        {notice.command !== undefined && <code>{notice.command}</code>}
        {notice.reference !== undefined && <small>Reference {notice.reference}</small>}
        {action !== undefined && (
          <button type="button" className="solid" onClick={() => client.run(action.run)}>
            {action.label}
          </button>
        )}
      </div>
      <button
        type="button"
        className="quiet square"
        aria-label={`Dismiss: ${notice.title}`}
        onClick={() => client.connection.dismiss(notice.id)}
      >
        <CloseIcon />
      </button>
    </div>
  );
}
