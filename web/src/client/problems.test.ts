import { expect, it } from "vitest";
import { noticeOf, Problem, type ProblemKind } from "./problems";

it.each<[string, ProblemKind]>([
  ["NotAllowedError", "microphone_denied"],
  ["NotFoundError", "microphone_missing"],
  ["NotReadableError", "microphone_busy"],
  ["TypeError", "microphone_failed"],
])("%s is %s", (name, kind) => {
  const problem = Problem.ofMicrophone(new DOMException("", name));
  expect(problem.kind).toBe(kind);
  expect(noticeOf(problem.kind).advice).not.toBe("");
});

it("tells how to get a secure page", () => {
  const command = "voicechat serve --host 0.0.0.0 --insecure --tls-self-signed";
  expect(noticeOf("insecure_context").command).toBe(command);
});
