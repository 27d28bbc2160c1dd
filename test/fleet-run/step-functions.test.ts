/**
 * What Step Functions does and the local AWS does not, and the other way round: see "Where the local AWS differs from AWS" in
 * docs/testing.md. Whichever of the two happens, each tenant has each migration once, and nobody is taken for migrated who is not.
 */
import { beforeEach, expect, test } from 'vitest';
import { quiet } from '../support/quiet';
import { membersOf, type PLAN, StandIn } from './stand-in';

quiet();

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const NOT_YET = { IsComplete: false };
const BACK = { properties: { ManifestHash: 'old' }, old: { ManifestHash: 'new' } };

let aws: StandIn;
/** Of each tenant, what its ledger says was done. */
let ledgers: Map<string, string[]>;
/** What the servers' functions carry. */
let code: string;
let failing: ReadonlySet<string>;

beforeEach(() => {
  aws = new StandIn();
  aws.members = membersOf(...NAMES);
  ledgers = new Map(NAMES.map((name) => [name, []]));
  code = 'new';
  failing = new Set();
  // The rules of a server's function, which test/migrate/fleet tries on a real server.
  aws.onTenant = ({ name }, { work, request: { manifestHash } }) => {
    const ledger = ledgers.get(name)!;
    if (manifestHash !== code) return { state: 'refused' };
    const isThere = ledger.at(-1) === 'applied';
    if (work === 'undo') {
      if (isThere) ledger.push('undone');
      return { state: 'undone', ...(isThere ? { changed: ['0001'] } : {}) };
    }
    if (work !== 'apply') return { state: isThere ? 'up to date' : 'behind' };
    if (failing.has(name)) return { state: 'failed' };
    if (!isThere) ledger.push('applied');
    return { state: 'up to date' };
  };
});

const once = () => expect([...ledgers.values()]).toEqual(NAMES.map(() => ['applied']));
const applied = () => NAMES.filter((name) => ledgers.get(name)!.length > 0);

async function deploys(id: string, plan: Partial<typeof PLAN> = {}) {
  expect(await aws.poll(id, { plan })).toEqual(NOT_YET);
  await aws.toEnd(id);
  return aws.poll(id, { plan });
}

test('more fail than are tolerated, and the wave goes on to its end: no other wave begins, and the next deployment does the rest once', async () => {
  failing = new Set(['a', 'b']);
  await expect(deploys('r', { canaries: ['a', 'b', 'c'], maxFailures: 1 })).rejects.toThrow(
    /^Stopped after wave canary: 2 tenants failed, and at most 1 may fail\. /,
  );
  expect(applied()).toEqual(['c']);
  failing = new Set();
  await deploys('s', { canaries: ['a', 'b', 'c'], maxFailures: 1 });
  once();
});

test('a map that ends early, its other tenants never begun: nobody is taken for migrated, and the next deployment does the rest once', async () => {
  await aws.poll('r');
  await aws.wave('r');
  aws.mapError = (server) => (server === 'main' ? 'States.ExceedToleratedFailureThreshold' : undefined);
  await aws.toEnd('r');
  const before = applied();
  expect(before.length).toBeGreaterThan(0);
  await expect(aws.poll('r')).rejects.toThrow(/no answer\): Step Functions ended its wave early/);
  expect(applied()).toEqual(before);
  aws.mapError = () => undefined;
  await deploys('s');
  once();
});

test.each(['SUCCEEDED_0.json', 'manifest.json'])(
  'results without %s: no answer, nobody is taken for migrated',
  async (file) => {
    await aws.poll('r');
    await aws.wave('r');
    aws.isLost = (key) => key.endsWith(`main/${file}`);
    await aws.toEnd('r');
    await expect(aws.poll('r')).rejects.toThrow(/no answer\): Step Functions did not reach it/);
    aws.isLost = () => false;
    await deploys('s');
    once();
  },
);

test('children that outlive a stopped run: its code is gone, so they change nothing after the rollback saw their tenant', async () => {
  await aws.poll('r');
  await aws.wave('r');
  await aws.wave('r');
  expect(applied()).toHaveLength(1);
  const [first] = applied();
  aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
  code = 'old';
  aws.inFlight = 1;
  const began = aws.ms;
  expect(await aws.poll('u', BACK)).toEqual(NOT_YET);
  expect(aws.ms).toBeGreaterThan(began);
  await aws.childrenGoOn('r');
  await aws.toEnd('u');
  await aws.childrenGoOn('r');
  expect(await aws.poll('u', BACK)).toMatchObject({ Data: { Tenants: '2 tenants: 1 undone, 1 unchanged' } });
  expect(ledgers.get(first!)).toEqual(['applied', 'undone']);
  expect(applied()).toEqual([first]);
});

test('children that outlive a run whose time was up, beside the deployment that goes on: each tenant once', async () => {
  await aws.poll('r');
  await aws.wave('r');
  aws.ms += 2_996_000;
  await expect(aws.poll('r')).rejects.toThrow('Not finished within 50 minutes');
  aws.ms = 1_000_000;
  await aws.poll('s');
  await aws.childrenGoOn('r');
  await aws.toEnd('s');
  await aws.childrenGoOn('r');
  expect(await aws.poll('s')).toMatchObject({ Data: { Tenants: '8 tenants: 8 up to date' } });
  once();
});

test('two requests for one stack, which CloudFormation refuses: the newer stops the run of the older, and each tenant is migrated once', async () => {
  await aws.poll('r');
  await aws.wave('r');
  await aws.wave('r');
  await aws.poll('s');
  expect(aws.runs.get('r')!.status).toBe('ABORTED');
  await aws.childrenGoOn('r');
  await aws.toEnd('s');
  expect(await aws.poll('s')).toMatchObject({ Data: { Tenants: '8 tenants: 8 up to date' } });
  await expect(aws.poll('r')).rejects.toThrow('Step Functions ended the run as ABORTED');
  once();
});

test.each(['TIMED_OUT', 'ABORTED', 'FAILED', 'PENDING_REDRIVE'] as const)(
  'a run that ends as %s: it is never redriven; the next deployment begins its own',
  async (status) => {
    await aws.poll('r');
    await aws.wave('r');
    await aws.wave('r');
    aws.runs.get('r')!.status = status;
    await expect(aws.poll('r')).rejects.toThrow(
      `Step Functions ended the run as ${status} (no result was left). 8 tenants: 7 behind, 1 up to date. A rollback undoes what it safely can`,
    );
    await deploys('s');
    expect(aws.starts).toEqual(['r', 's']);
    once();
  },
);

test.each([false, true])(
  'a start whose answer is lost (a used name begins once more: %s): one run',
  async (again) => {
    aws.namesAreUsedAgain = again;
    const { start } = aws.inside.executions;
    aws.outbound = {
      ...aws.inside,
      executions: {
        ...aws.inside.executions,
        start: async (...asked) => {
          await start(...asked);
          throw new Error('the answer is lost');
        },
      },
    };
    for (let poll = 0; poll < 3; poll++) expect(await aws.poll('r')).toEqual(NOT_YET);
    expect(aws.starts).toEqual(['r']);
    await aws.toEnd('r');
    expect(await aws.poll('r')).toMatchObject({ Data: { Tenants: '8 tenants: 8 up to date' } });
    once();
  },
);

test('30 servers, 20 waves, 100 canaries, the longest names and errors: states stay below 256 KiB', async () => {
  const run = '00000000-0000-0000-0000-000000000000';
  const long = (name: string) => name.padEnd(63, '"');
  const servers = Array.from({ length: 30 }, (_, i) => `s${i}`.padEnd(40, 'x'));
  const plan = {
    servers: Object.fromEntries(servers.map((name) => [name, { concurrency: 2 }])),
    shares: Array<number>(20).fill(1),
    canaries: Array.from({ length: 100 }, (_, i) => long(`${servers[i % 30]!.slice(0, 3)}_${i}`)),
    maxFailures: 3_000,
  };
  aws.members = Array.from({ length: 3_000 }, (_, i) => {
    const server = servers[i % 30]!;
    return { name: long(`${server.slice(0, 3)}_${i}`), database: `d${i}`, server };
  });
  const error = { code: 'sql', message: '"\\'.repeat(1_000), remedy: 'y' } as never;
  aws.onTenant = (_, { work }) => (work === 'inspect' ? { state: 'behind' } : { state: 'failed', error });
  const functions = Object.fromEntries(servers.map((name) => [name, name]));
  aws.servers = servers;
  const options = {
    plan: { ...plan, lists: [{ kind: 'server', server: servers[0]!, source: 0 }] as const },
    functions,
  };
  expect(await aws.poll(run, options)).toEqual(NOT_YET);
  await aws.wave(run);
  expect(aws.runs.get(run)!.state.waves.length).toBeGreaterThan(20);
  for (let wave = 1; wave <= 3; wave++) await aws.wave(run);
  expect(aws.runs.get(run)!.state).toMatchObject({ wave: 4, report: { wrong: 160 } });
});
