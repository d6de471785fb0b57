import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const SERVER = "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // The server's Content-Security-Policy has no `data:` for scripts or fonts: keep all as files.
    assetsInlineLimit: 0,
  },
  worker: { format: "es" },
  server: {
    // `npm run dev` beside a running `voicechat serve`, which checks the Origin.
    proxy: {
      "/ws": { target: SERVER, ws: true, changeOrigin: true, rewriteWsOrigin: true },
      "/api": { target: SERVER, changeOrigin: true },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
