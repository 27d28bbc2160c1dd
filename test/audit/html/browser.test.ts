/** The page in a real browser; left out where none is installed (Debian: package `chromium`). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toSingleLine } from '../../../lambda/audit/suppressions';
import { audit } from '../../../lib/audit/audit';
import { renderReport } from '../../../lib/audit/html';
import { groupFindingsByObject, listFindings } from '../../../lib/audit/html/groups';
import { loadParser } from '../../../lib/compiler/read/parser';
import { Browser, installedBrowser, type Tab } from '../../support/browser';
import { connect, createDatabase, majors } from '../../support/database';
import { readOnly } from '../support';
import { finding, inputOf, manyFindings, repairsFrom, SHOP } from './fixture';
import { bare, HOSTILE, whole } from './hostile';

const installed = installedBrowser();
const folder = mkdtempSync(join(tmpdir(), 'trueup-page-'));
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
let browser: Browser;
beforeAll(() => {
  if (installed) browser = Browser.start(installed);
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

let files = 0;
async function show(page: string, before: (tab: Tab) => Promise<unknown> = async () => {}): Promise<Tab> {
  const file = join(folder, `${++files}.html`);
  writeFileSync(file, page);
  const tab = await browser.open();
  await before(tab);
  await tab.goto(pathToFileURL(file).href);
  return tab;
}

/** Nothing but the file itself was asked for, and nothing was refused or threw. */
function expectQuiet(tab: Tab): void {
  expect(tab.requests).toHaveLength(1);
  expect(tab.requests[0]).toMatch(/^file:/);
  expect(tab.complaints).toEqual([]);
}

const FIX = 'fixes/0001_orders.sql';
const SQL = `-- ${HOSTILE.join(' ')}\nCREATE INDEX CONCURRENTLY by_customer\n\tON orders (customer);\n${'-- more\n'.repeat(20)}`;
const sample = () =>
  renderReport(
    inputOf({
      target: [SHOP[0]!, { ...SHOP[1]!, keys: {} }],
      report: {
        findings: [
          finding({
            confidence: 'A',
            object: 'public.orders.customer',
            id: 'orphaned-rows',
            message: '3 rows lead nowhere.',
          }),
          finding({ fix: FIX, evidence: ['1', '2', '3', '4', '5', '6', '7', '8'] }),
          finding({
            object: 'public.orders.status',
            id: 'missing-default',
            message: 'It has no default.',
            fix: FIX,
          }),
          finding({
            confidence: 'C',
            object: 'public.customers',
            id: 'constraint-renamed',
            message: 'Another name.',
          }),
        ],
        notChecked: Array.from({ length: 8 }, (_, i) => ({
          what: 'rows of a table',
          of: { schema: 'public', name: `t${i}` },
          why: 'nobody counted them',
        })),
        suppressed: [{ ...finding({ object: 'public.old' }), reason: 'on purpose' }],
        hidden: 2,
      },
      input: { repairs: repairsFrom({ [FIX]: SQL }) },
    }),
  );

describe.skipIf(!installed)('in a browser (left out where none is installed)', () => {
  const shownNow = `[...document.querySelectorAll('.finding')].filter((each) => !each.hidden).map((each) => each.dataset.kind)`;
  const click = (selector: string): string => `document.querySelector(${JSON.stringify(selector)}).click()`;

  test('filters by words and by confidence, and says how many are left', async () => {
    const tab = await show(sample());
    const status = (): Promise<string> => tab.evaluate(`document.querySelector('#shown').value`);
    expect(await status()).toBe('4 shown');
    await tab.evaluate(`document.querySelector('#words').focus()`);
    await tab.type('Orders DEFAULT');
    expect(await tab.evaluate(shownNow)).toEqual(['missing-default']);
    expect(await status()).toBe('1 of 4 shown');
    expect(await tab.evaluate(`[...document.querySelectorAll('.group')].map((each) => each.hidden)`)).toEqual(
      [false, true],
    );
    await tab.type(' nowhere');
    expect(await tab.evaluate(`document.querySelector('#none-left').checkVisibility()`)).toBe(true);
    await tab.evaluate(`document.querySelector('#words').select()`);
    await tab.type(' ');
    await tab.evaluate(click('[name=confidence][value=B]'));
    expect(await tab.evaluate(shownNow)).toEqual(['orphaned-rows', 'constraint-renamed']);
    expectQuiet(tab);
  });

  test('copies the SQL as it is in the file', async () => {
    await browser.send('Browser.grantPermissions', {
      permissions: ['clipboardReadWrite', 'clipboardSanitizedWrite'],
    });
    const tab = await show(sample());
    await tab.send('Page.bringToFront');
    await tab.evaluate(click('.copy'));
    await expect.poll(() => tab.evaluate(`document.querySelector('.copy').textContent`)).toBe('Copied');
    expect(await tab.evaluate(`document.querySelector('[role=status]').textContent`)).toBe('Copied');
    expect(await tab.evaluate('navigator.clipboard.readText()')).toBe(SQL);
    expect(await tab.evaluate(`document.querySelector('pre code').textContent`)).toBe(SQL);
    expectQuiet(tab);
  });

  test('works without its script, but for filtering and copying', async () => {
    const tab = await show(sample(), (each) =>
      each.send('Emulation.setScriptExecutionDisabled', { value: true }),
    );
    const { root } = (await tab.send('DOM.getDocument')) as { root: { nodeId: number } };
    const boxOf = async (selector: string): Promise<unknown> => {
      const { nodeId } = await tab.send('DOM.querySelector', { nodeId: root.nodeId, selector });
      return tab.send('DOM.getBoxModel', { nodeId }).catch(() => null);
    };
    expect(await boxOf('#filter')).toBeNull();
    expect(await boxOf('.copy')).toBeNull();
    expect(await boxOf('.finding')).not.toBeNull();
    expect(await boxOf('svg')).not.toBeNull();
    expectQuiet(tab);
  });

  test('the keyboard reaches everything in the order of the page, and opens what is folded', async () => {
    const tab = await show(sample());
    const focused = `(() => { const at = document.activeElement; return at === document.body ? '' : at.localName + (at.id ? '#' + at.id : ''); })()`;
    const order: string[] = [];
    for (let i = 0; i < 60; i++) {
      await tab.press('Tab');
      const at = await tab.evaluate<string>(focused);
      if (at === '') break;
      order.push(at);
    }
    expect(order).toEqual(
      [
        'a', // Not seen
        ...['summary', 'summary', 'summary'], // by confidence
        ...['input#words', 'input', 'input', 'input', 'button#open-all', 'button#close-all'],
        ...['summary', 'div', 'a', 'a', 'button', 'summary', 'a', 'summary', 'a'], // of orders, its picture, its findings
        ...['summary', 'div', 'a'], // of customers
        'summary', // names under Not seen
      ].map((each) => expect.stringMatching(new RegExp(`^${each}$`))),
    );
    await tab.evaluate(`document.querySelector('.group > summary').focus()`);
    await tab.press(' ');
    expect(await tab.evaluate(`document.querySelector('.group').open`)).toBe(false);
    await tab.press('Enter');
    expect(await tab.evaluate(`document.querySelector('.group').open`)).toBe(true);
  });

  test('a link to a finding opens what it is folded in', async () => {
    const tab = await show(sample());
    await tab.evaluate(click('#close-all'));
    await tab.evaluate(`location.hash = '#constraint-renamed-public.customers'`);
    await expect
      .poll(() =>
        tab.evaluate(`document.getElementById('constraint-renamed-public.customers').checkVisibility()`),
      )
      .toBe(true);
    expect(await tab.evaluate(`document.querySelectorAll('.group[open]').length`)).toBe(1);
  });

  test('on paper everything is there but what only a screen can do', async () => {
    const tab = await show(sample());
    await tab.evaluate(click('#close-all'));
    await tab.send('Emulation.setEmulatedMedia', { media: 'print' });
    const height = (selector: string): Promise<number> =>
      tab.evaluate(`document.querySelector('${selector}').getBoundingClientRect().height`);
    expect(await height('.finding')).toBeGreaterThan(0);
    expect(await height('svg')).toBeGreaterThan(0);
    expect(await height('#filter')).toBe(0);
    expect(await height('.copy')).toBe(0);
  });

  test.each(['light', 'dark'])('axe finds nothing wrong, in %s', async (scheme) => {
    const tab = await show(sample(), (each) =>
      each.send('Emulation.setEmulatedMedia', {
        features: [{ name: 'prefers-color-scheme', value: scheme }],
      }),
    );
    expect(await tab.evaluate(`matchMedia('(prefers-color-scheme: dark)').matches`)).toBe(scheme === 'dark');
    await tab.evaluate(`for (const each of document.querySelectorAll('details')) each.open = true`);
    await tab.evaluate(AXE);
    const { violations, passes } = await tab.evaluate<{ violations: unknown[]; passes: string[] }>(
      `axe.run().then(({ violations, passes }) => ({
        violations: violations.map(({ id, nodes }) => [id, nodes.map(({ target, any }) => [target, any.map(({ message }) => message)])]),
        passes: passes.map(({ id }) => id),
      }))`,
    );
    expect(violations).toEqual([]);
    expect(passes).toEqual(
      expect.arrayContaining(['color-contrast', 'svg-img-alt', 'landmark-one-main', 'label']),
    );
  });

  test.each(majors())('names that a server of PostgreSQL %i really has stay text', async (major) => {
    await loadParser();
    const make = async (schema: string) => {
      const url = await createDatabase(major);
      await (await connect(url)).query(schema);
      return readOnly(url);
    };
    const [source, target] = [await make(whole()), await make(bare())];
    const { compared, ...result } = await audit(target, { version: '0.1.0', source });
    const findings = result.findings.filter(({ confidence }) => confidence < 'D');
    const input = inputOf({ report: { ...result, findings }, input: { compared } });
    const tab = await show(renderReport(input));

    expectQuiet(tab);
    expect(await tab.evaluate(`document.title.startsWith('Audit of ')`)).toBe(true);
    const tags = await tab.evaluate<string[]>(
      `[...new Set([...document.querySelectorAll('*')].map(({ localName }) => localName))]`,
    );
    expect(tags.filter((tag) => ['img', 'b', 'iframe', 'link', 'object', 'marquee'].includes(tag))).toEqual(
      [],
    );
    expect(await tab.evaluate('document.scripts.length')).toBe(1);
    // What is read is what the server said, letter by letter.
    const groups = groupFindingsByObject(findings, [compared.target.catalog, compared.source!.catalog]);
    const texts = (selector: string): Promise<string[]> =>
      tab.evaluate(`[...document.querySelectorAll('${selector}')].map(({ textContent }) => textContent)`);
    expect(await texts('h3')).toEqual(expect.arrayContaining(groups.map(({ title }) => toSingleLine(title))));
    expect(await texts('.evidence > li')).toEqual(
      groups.flatMap((group) => listFindings(group).flatMap(({ evidence }) => evidence)),
    );
    expect(findings.length).toBeGreaterThanOrEqual(4 * HOSTILE.length);
    expect((await texts('svg .name')).length).toBeGreaterThanOrEqual(HOSTILE.length);
    // Long names make nothing wider than a telephone.
    await tab.send('Emulation.setDeviceMetricsOverride', {
      width: 360,
      height: 700,
      deviceScaleFactor: 1,
      mobile: true,
    });
    await tab.evaluate(`for (const each of document.querySelectorAll('details')) each.open = true`);
    expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(360);
    // A picture that is cut off there says that it can be scrolled.
    const signs = `[...document.querySelectorAll('svg.wide')].map((each) => each.closest('figure').querySelector('.sideways').checkVisibility())`;
    expect(await tab.evaluate<boolean[]>(signs)).toContain(true);
    expect(await tab.evaluate(signs)).not.toContain(false);
    await tab.send('Emulation.clearDeviceMetricsOverride');
    expect(await tab.evaluate(signs)).not.toContain(true);
  });

  test('500 findings are not too much for it', async () => {
    const page = renderReport(manyFindings(500));
    expect(Buffer.byteLength(page)).toBeLessThan(1_500_000);
    const tab = await show(page);
    expect(await tab.evaluate(`document.querySelectorAll('.finding').length`)).toBe(500);
    expect(await tab.evaluate(`document.querySelectorAll('*').length`)).toBeLessThan(20_000);
    expectQuiet(tab);
  });
});
