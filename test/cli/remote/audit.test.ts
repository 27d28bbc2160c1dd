/** `trueup audit --stack`: the deployed function looks at the catalogue and plans what the ledger keeps. */
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
    accepted: [
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
  expect(ran.stdout).toMatch(/^stack shop: nothing found\.\nLooked for \d+ kinds: /m);
  expect(ran.stdout).toContain('not seen  what was lost: no source to compare with was given (--from)');
  expect(ran.stdout).toContain(
    'not seen  duplicates under unique indexes that are there: only --deep reads whole tables',
  );
  expect(ran.stdout).toMatch(/not seen {2}1 of 2 statements: /);
  expect(ran.stdout).toContain('1 of 2 statements decided by planning');
  expect(ran.stdout).toContain('gone      invalid-index public.orders, line 2 of the accepted ones');
});

test('what is wrong: the same findings, formats and exit codes as over a connection', async () => {
  await shop.client.query('ALTER TABLE orders DROP CONSTRAINT orders_pkey');
  await shop.client.query('ALTER TABLE orders ADD CONSTRAINT later CHECK (id > -7) NOT VALID');
  const { code, stdout } = await audit('--stack', 'shop', '--json');
  expect(code).toBe(6);
  const remote = JSON.parse(stdout);
  expect(Object.keys(remote).sort()).toEqual(['accepted', 'findings', 'gone', 'hidden', 'looked', 'notSeen']);
  expect(remote.findings[0]).toMatchObject({
    id: 'missing-conflict-target',
    grade: 'A',
    object: 'public.orders',
    evidence: expect.arrayContaining([expect.stringMatching(/^42P10, .*, 90 calls: INSERT INTO orders/)]),
    fix: null,
  });
  expect(remote.accepted).toMatchObject([{ id: 'unvalidated-constraint', reason: 'old rows stay' }]);

  const accept = file('accepted', 'unvalidated-constraint public.orders  # old rows stay\n');
  const workload = file(
    'shop.sql',
    `-- role app; calls 90\n${UPSERT};\n-- role app; calls 2\nSELECT $1 + $2 AS both FROM orders;`,
  );
  const local = await audit(
    ...['--json', '--database-url', rig.server.url(shop.database), '--ssl-mode', 'verify-full'],
    ...['--ssl-root-cert', file('ca.pem', rig.certificates.ca), '--accept', accept, '--workload', workload],
  );
  expect(local.code, local.stdout).toBe(6);
  expect(JSON.parse(local.stdout).findings).toEqual(remote.findings);

  const text = await audit('--stack', 'shop', '--accept', accept);
  expect(text.stdout).toMatch(/^A {2}proved\n {2}missing-conflict-target {2}public\.orders\n/);
  expect(text.stdout.match(/^accepted /gm)).toHaveLength(1);
  expect(text.stdout.match(/^gone /gm)).toHaveLength(1);
  const github = await audit('--stack', 'shop', '--format', 'github', '--min-grade', 'A');
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
    ['--deep', null],
    ['--database-url', 'postgres://x'],
  ] as const)
    expect(await audit('--stack', 'shop', option, ...(value === null ? [] : [value]))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`--stack cannot be combined with ${option}`),
    });
  expect(await audit('--namespace', 'app', '--database-url', 'postgres://x')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--namespace goes with --stack'),
  });
  rig.conductor.functions.fault = (name) => (name === 'shop-ask' ? { kind: 'kill', afterMs: 0 } : undefined);
  const died = await audit('--stack', 'shop');
  rig.conductor.functions.fault = () => undefined;
  expect(died.stderr).toContain('the function shop-ask crashed');
  expect(died.code).not.toBe(0);
});
