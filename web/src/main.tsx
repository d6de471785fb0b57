/** Starts the client and draws the page. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { VoiceClient } from "./client/voice-client";
import { exposeDebug, wantsDebug } from "./debug";
import "./styles.css";
import "./details.css";
import "./compact.css"; // after what it changes

const debug = wantsDebug(window.location.search);
const client = new VoiceClient({ record: debug });
if (debug) exposeDebug(client);
client.start();

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App client={client} />
  </StrictMode>,
);
