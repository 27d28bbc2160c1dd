/** What the command line asks of a fleet, with a stand-in for Step Functions' client. */
import { expect, test } from 'vitest';
import type { FleetAnswer, FleetQuery, TenantRow } from '../../lambda/contract/fleet-run';
import { answerQuery } from '../../lambda/fleet-run/answer-query';
import { quiet } from '../support/quiet';
import { membersOf, PLAN, StandIn } from './stand-in';

quiet();

function fleet(...names: string[]) {
  return fleetOf(names, false);
}

function fleetOf(names: readonly string[], queryOnly: boolean) {
  const aws = new StandIn();
  aws.members = membersOf(...names);
  const context = {
    plan: PLAN,
    fleet: {
      bucket: 'lists',
      stateMachine: 'arn',
      functions: { main: 'f-main', eu: 'f-eu' },
      stackId: 'arn:aws:cloudformation:us-east-1:111122223333:stack/shop/1',
      owner: '',
      queryOnly,
    },
    outbound: aws.outbound,
  };
  const question = (asked: FleetQuery): Promise<FleetAnswer> => answerQuery(asked, context);
  const started = async (asked: FleetQuery): Promise<string> => {
    const answer = await question(asked);
    if (answer.action !== 'started') throw new Error(JSON.stringify(answer));
    return answer.run;
  };
  return { aws, question, started };
}

test('status looks at all tenants and changes none', async () => {
  const { aws, question, started } = fleet('a', 'b', 'c');
  const run = await started({ action: 'status' });
  expect(await question({ action: 'progress', run })).toMatchObject({ done: false, report: null });
  const works: string[] = [];
  aws.onTenant = (_, { work }) => {
    works.push(work);
    return { state: 'behind', pending: 2 };
  };
  await aws.toEnd(run);
  expect(works).toEqual(['verify', 'verify', 'verify']);
  expect(await question({ action: 'progress', run })).toMatchObject({
    done: true,
    error: null,
    report: { tenantCount: 3, states: { behind: 3 } },
  });
  expect(await question({ action: 'tenants', run, from: 0 })).toMatchObject({
    tenants: [{ name: 'a', server: 'main', pending: 2 }, { name: 'c' }, { name: 'b', server: 'eu' }],
    next: null,
  });
});

test('a function that only answers looks at tenants, and starts no run that migrates', async () => {
  const { aws, question, started } = fleetOf(['a'], true);
  const run = await started({ action: 'status' });
  expect(aws.runs.get(run)!.state.migrates).toBe(false);
  expect(await question({ action: 'up', tenants: ['a'] })).toEqual({
    action: 'refused',
    message: expect.stringContaining('This function is read-only.'),
  });
  expect([...aws.runs.keys()]).toEqual([run]);
});

test('up brings up those that are named, as the stack that owns them', async () => {
  const { aws, started } = fleet('a', 'b', 'c');
  const run = await started({ action: 'up', tenants: ['b'] });
  await aws.toEnd(run);
  expect(aws.runs.get(run)!.state).toMatchObject({
    request: {
      direction: 'forward',
      manifestHash: 'new',
      owner: { account: '111122223333', stackName: 'shop' },
    },
    report: { tenantCount: 1, states: { 'up to date': 1 } },
  });
});

test('a thousand tenants and more, page by page, each once', async () => {
  const names = Array.from({ length: 4_500 }, (_, i) => `tenant_${i}`);
  const { aws, question, started } = fleet(...names);
  const run = await started({ action: 'status' });
  await aws.toEnd(run);
  const seen: TenantRow[] = [];
  for (let from: number | null = 0; from !== null; ) {
    const page: FleetAnswer = await question({ action: 'tenants', run, from });
    if (page.action !== 'tenants') throw new Error(page.action);
    seen.push(...page.tenants);
    from = page.next;
  }
  expect(new Set(seen.map(({ name }) => name)).size).toBe(4_500);
  expect(seen).toHaveLength(4_500);
});

test.each([
  [{ action: 'up', tenants: ['z'] }, 'z is not in the list of 1 tenants'],
  [{ action: 'up', tenants: [] }, 'No tenants given.'],
  [{ action: 'progress', run: '../latest/new' }, 'This run does not exist.'],
  [{ action: 'progress', run: 'status-00000000-0000-0000-0000-000000000000' }, 'This run does not exist.'],
  [{ action: 'drop' } as never, 'does not know "drop"'],
] as const)('%j is refused in a sentence', async (asked, message) => {
  const { aws, question } = fleet('a');
  expect(await question(asked)).toEqual({ action: 'refused', message: expect.stringContaining(message) });
  expect(aws.starts).toEqual([]);
});

test('several that are not in the list, and several names', async () => {
  const { aws, question } = fleet('a', 'b', 'c');
  expect(await question({ action: 'up', tenants: ['y', 'a', 'z'] })).toEqual({
    action: 'refused',
    message: 'y, z are not in the list of 3 tenants. Give names from that list.',
  });
  expect(await question({ action: 'up', tenants: ['y'] })).toMatchObject({
    message: 'y is not in the list of 3 tenants. Give names from that list.',
  });
  expect(await question({ action: 'up', tenants: ['a', 'c'] })).toMatchObject({ tenantCount: 2 });
  const [run] = aws.starts;
  expect(run).toMatch(/^up-/);
  const { state } = aws.runs.get(run!)!;
  expect(state).toMatchObject({ work: 'inspect', migrates: true, canaries: [], shares: [], maxFailures: 0 });
});

test.each([
  ['ABORTED', null, 'Step Functions ended the run as ABORTED'],
  ['FAILED', 'States.Runtime', 'Step Functions ended the run as FAILED (States.Runtime)'],
  ['SUCCEEDED', null, null],
] as const)('a run that ended as %s', async (status, error, told) => {
  const { aws, question, started } = fleet('a');
  const run = await started({ action: 'status' });
  expect(await question({ action: 'progress', run })).toEqual({
    action: 'progress',
    done: false,
    error: null,
    wave: 'inspect',
    report: null,
  });
  Object.assign(aws.runs.get(run)!, { status, error });
  expect(await question({ action: 'progress', run })).toMatchObject({ done: true, error: told });
});

test('the wave that is next is named', async () => {
  const { aws, question, started } = fleet('a', 'b');
  const run = await started({ action: 'up', tenants: ['a', 'b'] });
  await aws.wave(run);
  expect(await question({ action: 'progress', run })).toMatchObject({ action: 'progress', wave: 'canary' });
});

test('a page that is full to the last tenant is the last', async () => {
  const { aws, question, started } = fleet(...Array.from({ length: 2_000 }, (_, i) => `t${i}`));
  const run = await started({ action: 'status' });
  expect(await question({ action: 'tenants', run, from: 0 })).toMatchObject({ tenants: [], next: null });
  await aws.toEnd(run);
  expect(await question({ action: 'tenants', run, from: 0 })).toMatchObject({ next: null });
});

test.each(['up-1', 'x/status-00000000-0000-0000-0000-000000000000', 7 as never])(
  'no run is called %s, and none is looked for',
  async (run) => {
    const { aws, question } = fleet('a');
    aws.outbound.bucket.get = () => expect.unreachable('it is looked for');
    expect(await question({ action: 'tenants', run, from: 0 })).toEqual({
      action: 'refused',
      message: 'This run does not exist.',
    });
  },
);

test('what nobody expected is not taken for an answer', async () => {
  const { aws, question } = fleet('a');
  aws.outbound.executions.describe = async () => {
    throw new TypeError('broken');
  };
  const run = 'status-00000000-0000-0000-0000-000000000000';
  await expect(question({ action: 'progress', run })).rejects.toThrow('broken');
});
