/** How long a browser takes to open the audit's page, until it is loaded and painted; the shortest of several. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { renderReport } from '../lib/audit/html';
import { manyFindings } from '../test/audit/html/fixture';
import { Browser, installedBrowser } from '../test/support/browser';

export interface PageOpened {
  readonly findings: number;
  readonly bytes: number;
  /** Null where no browser is installed. */
  readonly openMs: number | null;
}

const FINDINGS = 500;
const OPENED = `new Promise((done) => {
  const seen = () => {
    const [{ loadEventEnd }] = performance.getEntriesByType('navigation');
    const painted = performance.getEntriesByName('first-contentful-paint')[0];
    if (loadEventEnd > 0 && painted) done(Math.max(loadEventEnd, painted.startTime));
    else setTimeout(seen, 5);
  };
  seen();
})`;

export async function measurePage(runs: number): Promise<PageOpened> {
  const page = renderReport(manyFindings(FINDINGS));
  const size = { findings: FINDINGS, bytes: Buffer.byteLength(page) };
  const installed = installedBrowser();
  if (installed === null) return { ...size, openMs: null };
  const folder = mkdtempSync(join(tmpdir(), 'trueup-bench-'));
  const browser = Browser.start(installed);
  try {
    const file = join(folder, 'report.html');
    writeFileSync(file, page);
    let openMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < runs; i++) {
      const tab = await browser.open();
      await tab.goto(pathToFileURL(file).href);
      openMs = Math.min(openMs, await tab.evaluate<number>(OPENED));
      await tab.send('Page.close');
    }
    return { ...size, openMs };
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
