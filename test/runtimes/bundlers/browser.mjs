// What does a page say in a real browser? Its result, and everything a developer would see in the console.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { chromiumFlags } from "../chromiumFlags.mjs";

/** @param {"chrome" | "firefox"} kind */
export async function openBrowser(kind, executablePath) {
  const userDataDir = mkdtempSync(join(tmpdir(), "wasmgrad-browser-"));
  const chrome = kind === "chrome" ? { args: chromiumFlags } : {};
  const browser = await puppeteer.launch({ browser: kind, executablePath, userDataDir, headless: true, ...chrome });
  return {
    /**
     * Opens `url` and waits for the application's result.
     * @returns the result, lines of the console at warning or above, and violations of the page's security policy.
     */
    async visit(url, { threads = 1 } = {}) {
      const page = await browser.newPage();
      const complaints = [];
      // Browsers ask for an icon by themselves, and a strict policy refuses it.
      const complain = (text) => {
        if (!text.includes("/favicon.ico")) complaints.push(text);
      };
      page.on("console", (message) => {
        if (["warn", "warning", "error"].includes(message.type())) complain(message.text());
      });
      page.on("pageerror", (error) => complain(String(error)));
      try {
        await page.evaluateOnNewDocument((count) => {
          globalThis.wasmgradThreads = count;
          globalThis.violations = [];
          addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
            if (!blockedURI.endsWith("/favicon.ico")) globalThis.violations.push(`${violatedDirective} ${blockedURI}`);
          });
        }, threads);
        await page.goto(url, { waitUntil: "load", timeout: 30_000 });
        const result = await page.evaluate(async () => ({
          ...(await globalThis.wasmgradResult),
          violations: globalThis.violations,
          isolated: globalThis.crossOriginIsolated,
        }));
        return { ...result, complaints };
      } finally {
        await page.close();
      }
    },
    async close() {
      await browser.close();
      rmSync(userDataDir, { recursive: true, force: true });
    },
  };
}
