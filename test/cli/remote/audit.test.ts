/** `trueup audit --stack`: the deployed function looks at the catalog and plans what the ledger keeps. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { INDEXED } from '../../deployment/files';
import { validSarif } from '../../report/sarif';
import { compileTexts, Rig, type Scenario } from '../../support/conductor';
import { promising } from '../../support/manifest';
import { type Ran, trueup } from '../trueup';

let rig: Rig;
let shop: Scenario;
const UPSERT = 'INSERT INTO orders (id, customer) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING';

beforeAll(async () => {
  rig = await Rig.start();
  shop = await rig.scenario('shop');
  const promised = promising(
    await compileTexts(INDEXED),
    { text: UPSERT, role: 'app', calls: 90 },
    { text: 'SELECT $1 + $2 AS both FROM orders', role: 'app', calls: 2 },
  );
  const codeManifest = {
    ...promised,
    suppressions: [
      { id: 'unvalidated-constraint', object: 'public.orders', reason: 'old rows stay', line: 1 },
      { id: 'invalid-index', object: 'public.orders', reason: 'gone since May', line: 2 },
    ],
  };
  await shop.stack.create(
    await shop.version(INDEXED, { codeManifest, properties: { Workload: codeManifest.workload!.hash } }),
  );
});
afterAll(() => rig?.close());

const audit = (...args: string[]): Promise<Ran> =>
  trueup(['audit', ...args], {
    env: {
      AWS_ENDPOINT_URL: rig.conductor.endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
  });
const file = (name: string, text: string): string => {
  const path = join(rig.folder, name);
  writeFileSync(path, text);
  return path;
};

test('nothing is wrong: 0, by the function that only reads, and what was not looked at is said', async () => {
  const invoked = new Set<string>();
  rig.conductor.functions.fault = (name) => void invoked.add(name);
  const ran = await audit('--stack', 'shop');
  rig.conductor.functions.fault = () => undefined;
  expect([...invoked]).toEqual(['shop-ask']);
  expect(ran.code, ran.stdout + ran.stderr).toBe(0);
  expect(ran.stdout).toMatch(/^stack shop: nothing found\.\nRan \d+ checks on /m);
  expect(ran.stdout).toContain('not checked  missing objects: no source was given to compare with (--from)');
  expect(ran.stdout).toContain(
    'not checked  duplicates and orphaned rows under existing keys: only --full-scan reads whole tables',
  );
  expect(ran.stdout).toMatch(/not checked {2}1 of 2 statements: /);
  expect(ran.stdout).toContain('planning decided 1 of 2 statements');
  expect(ran.stdout).toContain(
    'obsolete     invalid-index public.orders: remove line 2 of the suppressions file',
  );
});

test('what is wrong: the same findings, formats and exit codes as over a connection', async () => {
  await shop.client.query('ALTER TABLE orders DROP CONSTRAINT orders_pkey');
  await shop.client.query('ALTER TABLE orders ADD CONSTRAINT later CHECK (id > -7) NOT VALID');
  const { code, stdout } = await audit('--stack', 'shop', '--json');
  expect(code).toBe(6);
  const remote = JSON.parse(stdout);
  expect(Object.keys(remote).sort()).toEqual([
    'coverage',
    'findings',
    'hidden',
    'notChecked',
    'obsolete',
    'suppressed',
  ]);
  expect(remote.findings[0]).toMatchObject({
    id: 'missing-conflict-target',
    confidence: 'A',
    object: 'public.orders',
    evidence: expect.arrayContaining([expect.stringMatching(/^42P10, .*, 90 calls: INSERT INTO orders/)]),
    fix: null,
  });
  expect(remote.suppressed).toMatchObject([{ id: 'unvalidated-constraint', reason: 'old rows stay' }]);

  const suppressions = file('suppressions.txt', 'unvalidated-constraint public.orders  # old rows stay\n');
  const workload = file(
    'shop.sql',
    `-- role app; calls 90\n${UPSERT};\n-- role app; calls 2\nSELECT $1 + $2 AS both FROM orders;`,
  );
  const local = await audit(
    ...['--json', '--database-url', rig.server.url(shop.database), '--ssl-mode', 'verify-full'],
    ...[
      '--ssl-root-cert',
      file('ca.pem', rig.certificates.ca),
      '--suppressions',
      suppressions,
      '--workload',
      workload,
    ],
  );
  expect(local.code, local.stdout).toBe(6);
  expect(JSON.parse(local.stdout).findings).toEqual(remote.findings);

  const text = await audit('--stack', 'shop', '--suppressions', suppressions);
  expect(text.stdout).toMatch(/^A {2}confirmed\n {2}missing-conflict-target {2}public\.orders\n/);
  expect(text.stdout.match(/^suppressed /gm)).toHaveLength(1);
  expect(text.stdout.match(/^obsolete /gm)).toHaveLength(1);
  const github = await audit('--stack', 'shop', '--format', 'github', '--min-confidence', 'A');
  expect(github.stdout).toMatch(/^::error title=trueup missing-conflict-target public\.orders::/);
  const sarif = await audit('--stack', 'shop', '--format', 'sarif');
  expect(validSarif(JSON.parse(sarif.stdout)).runs[0]!.results![0]!.ruleId).toBe('missing-conflict-target');
});

test('wrong options, and a function that dies', async () => {
  for (const [option, value] of [
    ['--from', 'old.json'],
    ['--workload', 'shop.sql'],
    ['--write', 'folder'],
    ['--html', 'page.html'],
    ['--full-scan', null],
    ['--database-url', 'postgres://x'],
  ] as const)
    expect(await audit('--stack', 'shop', option, ...(value === null ? [] : [value]))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`--stack cannot be combined with ${option}`),
    });
  expect(await audit('--namespace', 'app', '--database-url', 'postgres://x')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--namespace requires --stack'),
  });
  rig.conductor.functions.fault = (name) => (name === 'shop-ask' ? { kind: 'kill', afterMs: 0 } : undefined);
  const died = await audit('--stack', 'shop');
  rig.conductor.functions.fault = () => undefined;
  expect(died.stderr).toContain('the function shop-ask crashed');
  expect(died.code).not.toBe(0);
});
