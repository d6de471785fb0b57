/** The icons, drawn here: decoration only, the name is on the button that holds them. */

import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const MicrophoneIcon = () => (
  <Icon>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5 11a7 7 0 0 0 14 0M12 18v3" />
  </Icon>
);

export const MutedIcon = () => (
  <Icon>
    <path d="M9 9v2a3 3 0 0 0 4.6 2.5M15 10.5V6a3 3 0 0 0-5.6-1.5M5 11a7 7 0 0 0 10.6 6M19 11a7 7 0 0 1-.7 3M12 18v3M4 4l16 16" />
  </Icon>
);

export const StopIcon = () => (
  <Icon>
    <rect x="7" y="7" width="10" height="10" rx="1.5" fill="currentColor" />
  </Icon>
);

export const SendIcon = () => (
  <Icon>
    <path d="M12 19V5M6 11l6-6 6 6" />
  </Icon>
);

export const SpeakerIcon = () => (
  <Icon>
    <path d="M4 10v4h4l5 4V6L8 10zM16.5 9a4 4 0 0 1 0 6M19 6.5a8 8 0 0 1 0 11" />
  </Icon>
);

export const SpeakerOffIcon = () => (
  <Icon>
    <path d="M4 10v4h4l5 4V6L8 10zM17 10l4 4M21 10l-4 4" />
  </Icon>
);

export const TimerIcon = () => (
  <Icon>
    <circle cx="12" cy="13" r="7.5" />
    <path d="M12 9v4l2.5 2M10 3h4" />
  </Icon>
);

/** @param level how far it has risen, 0 to 3. */
export const ThermometerIcon = ({ level }: { level: 0 | 1 | 2 | 3 }) => (
  <Icon>
    <path d="M16 12.5V5.5a4 4 0 0 0-8 0v7a6 6 0 1 0 8 0z" />
    <circle cx="12" cy="17" r="2" fill="currentColor" />
    <path d={`M12 17V${13.5 - 2.5 * level}`} />
  </Icon>
);

export const UnknownIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="9" />
    <path d="M9.5 9.5a2.5 2.5 0 1 1 3.7 2.2c-.8.5-1.2 1-1.2 1.8M12 17v.01" />
  </Icon>
);

/** A pause. */
export const CoolingIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="9" />
    <path d="M9.5 9v6M14.5 9v6" />
  </Icon>
);

export const WarningIcon = () => (
  <Icon>
    <path d="M12 3.5l9.5 16.5h-19zM12 10v4M12 17v.01" />
  </Icon>
);

export const SettingsIcon = () => (
  <Icon>
    <path d="M4 7h9M19 7h1M4 17h1M11 17h9" />
    <circle cx="16" cy="7" r="2.5" />
    <circle cx="8" cy="17" r="2.5" />
  </Icon>
);

/** A page with a column at its left. */
export const SidebarIcon = () => (
  <Icon>
    <rect x="3.5" y="4.5" width="17" height="15" rx="2.5" />
    <path d="M9.5 4.5v15M6 8.5h1M6 12h1" />
  </Icon>
);

export const PlusIcon = () => (
  <Icon>
    <path d="M12 5v14M5 12h14" />
  </Icon>
);

export const SearchIcon = () => (
  <Icon>
    <circle cx="10.5" cy="10.5" r="6" />
    <path d="M15 15l5 5" />
  </Icon>
);

export const MoreIcon = () => (
  <Icon>
    <path d="M5 12h.01M12 12h.01M19 12h.01" strokeWidth="3" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="M6 6l12 12M18 6L6 18" />
  </Icon>
);

export const DownIcon = () => (
  <Icon>
    <path d="M12 5v14M6 13l6 6 6-6" />
  </Icon>
);

export const Logo = () => (
  <svg className="logo" viewBox="0 0 64 64" aria-hidden="true">
    <rect width="64" height="64" rx="16" />
    <path d="M14 28v8M23 20v24M32 13v38M41 22v20M50 28v8" />
  </svg>
);
