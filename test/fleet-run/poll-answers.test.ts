/** What CloudFormation and the log are told of a fleet's request, at each of its ends. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { FleetOutbound } from '../../lambda/fleet-run/fleet-outbound';
import { membersOf, StandIn } from './stand-in';

let aws: StandIn;
const logged: Record<string, unknown>[] = [];
beforeEach(() => {
  aws = new StandIn();
  aws.members = membersOf('a', 'b');
  logged.length = 0;
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    logged.push(JSON.parse(String(text)) as Record<string, unknown>);
    return true;
  });
});
afterEach(() => void vi.restoreAllMocks());

const NOT_YET = { IsComplete: false };
const BACK = { properties: { ManifestHash: 'old' }, old: { ManifestHash: 'new' } };
const STACK = 'arn:aws:cloudformation:us-east-1:111122223333:stack/shop/1';
const last = (event: string) => logged.filter((line) => line.event === event).at(-1);
const change = (part: Partial<FleetOutbound>) => {
  aws.outbound = { ...aws.inside, ...part };
};
const lost = (name: string) => async (): Promise<never> => {
  throw Object.assign(new Error('no answer'), { name });
};
const begun = async (id = 'r') => {
  await aws.poll(id);
  await aws.toEnd(id);
};
const messageOf = (work: Promise<unknown>) => work.then(String, (error: Error) => error.message);

describe('the line that alarms match', () => {
  test('done', async () => {
    await begun();
    await aws.poll('r');
    expect(last('fleet-polled')).toMatchObject({
      request: 'r',
      elapsedMs: 0,
      progress: 'begun for 2 tenants',
    });
    const line = last('deployment-ended');
    expect(line).toMatchObject({
      request: 'r',
      type: 'Update',
      stackId: STACK,
      stack: 'UPDATE_IN_PROGRESS',
      direction: 'forward',
      outcome: 'done',
      report: { tenantCount: 2 },
      keptCount: 0,
    });
    expect(line).not.toHaveProperty('reason');
  });

  test('done, though some are maxFailures: why is said', async () => {
    aws.onTenant = ({ name }, { work }) => ({
      state: work === 'inspect' ? 'behind' : name === 'a' ? 'failed' : 'up to date',
    });
    const plan = { maxFailures: 1 };
    await aws.poll('r', { plan });
    await aws.toEnd('r');
    await aws.poll('r', { plan });
    expect(last('deployment-ended')).toMatchObject({
      outcome: 'done',
      reason: '1 tenant within the failure limit and behind: a on main (failed).',
    });
  });

  test('done in two runs: the waves of both', async () => {
    await begun();
    aws.members = membersOf('a', 'b', 'c');
    await aws.poll('r');
    await aws.toEnd('r-2');
    await aws.poll('r');
    const { waves } = last('deployment-ended')!.report as { waves: { name: string; tenantCount: number }[] };
    expect(waves.map(({ name, tenantCount }) => [name, tenantCount])).toEqual([
      ['canary', 1],
      ['early', 1],
      ['canary', 1],
    ]);
  });

  test('failed', async () => {
    aws.onTenant = () => ({ state: 'edited' });
    await begun();
    const reason = await messageOf(aws.poll('r'));
    expect(last('deployment-ended')).toMatchObject({
      request: 'r',
      outcome: 'failed',
      reason,
      report: { wrong: 2 },
    });
  });

  describe('of a rollback', () => {
    const undone = async (onTenant?: StandIn['onTenant']) => {
      aws.onTenant = (_, { work }) => ({ state: work === 'inspect' ? 'behind' : 'up to date' });
      await aws.poll('r');
      await aws.toEnd('r');
      aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
      if (onTenant) aws.onTenant = onTenant;
      await aws.poll('u', BACK);
      await aws.toEnd('u');
      await aws.poll('u', BACK);
      return last('deployment-ended');
    };

    test('all is undone', async () => {
      const line = await undone(() => ({ state: 'undone', kept: [{ name: '0002', reason: 'no down' }] }));
      expect(line).toMatchObject({ request: 'u', outcome: 'done', keptCount: 2 });
      expect(line).not.toHaveProperty('reason');
    });

    test('some could not be', async () => {
      expect(await undone(({ name }) => (name === 'a' ? 'dies' : { state: 'undone' }))).toMatchObject({
        outcome: 'given-up',
        reason: expect.stringMatching(/^not undone: a on main \(no answer\)/),
      });
    });

    test('nothing is known', async () => {
      await aws.poll('r');
      aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
      change({ executions: { ...aws.inside.executions, running: lost('AccessDenied') } });
      aws.ms += 2_996_000;
      expect(await aws.poll('u', BACK)).toMatchObject({ IsComplete: true, Data: { Tenants: 'unknown' } });
      expect(last('deployment-ended')).toMatchObject({ outcome: 'given-up', report: null, keptCount: 0 });
    });
  });
});

describe('a request that CloudFormation no longer waits for', () => {
  test('its own runs are stopped, and nobody’s alarm is raised', async () => {
    await aws.poll('r');
    await aws.inside.executions.start('other', {});
    aws.status = 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS';
    const reason =
      'This run was stopped: the stack was cancelled or rolled back, or another request replaced it.';
    expect(await messageOf(aws.poll('r'))).toBe(reason);
    expect([...aws.runs].map(([name, { status }]) => [name, status])).toEqual([
      ['r', 'ABORTED'],
      ['other', 'RUNNING'],
    ]);
    expect(last('deployment-overtaken')).toMatchObject({ outcome: 'failed', reason, report: null });
    expect(last('deployment-ended')).toBeUndefined();
  });

  test('one that may not fail succeeds', async () => {
    aws.status = 'DELETE_COMPLETE';
    aws.ms += 61_000;
    expect(await aws.poll('d', { type: 'Delete' })).toMatchObject({
      IsComplete: true,
      Data: { Tenants: 'unknown', Warnings: expect.stringMatching(/^This run was stopped/) },
    });
    expect(last('deployment-overtaken')).toMatchObject({ outcome: 'given-up' });
  });

  test('what does not fit together yet is looked at again', async () => {
    aws.status = 'UPDATE_COMPLETE';
    expect(await aws.poll('r')).toEqual(NOT_YET);
    expect(last('relevance-unclear')).toMatchObject({
      request: 'r',
      stack: 'UPDATE_COMPLETE',
      otherPlan: false,
    });
    expect(aws.starts).toEqual([]);
  });
});

test('the other code is waited for, for a minute and not a millisecond longer', async () => {
  const other = { properties: { Fleet: 'another' } };
  aws.ms += 59_999;
  expect(await aws.poll('r', other)).toEqual(NOT_YET);
  expect(last('relevance-unclear')).toMatchObject({ otherPlan: true });
  aws.ms += 1;
  await aws.poll('r', other);
  expect(aws.starts).toEqual(['r']);
});

describe('a failure while it is not known which way the stack goes', () => {
  const failing = (type: 'Create' | 'Update') => {
    aws.onTenant = () => ({ state: 'edited' });
    return async (ms: number) => {
      await aws.poll('r', { type });
      await aws.toEnd('r');
      aws.outbound = { ...aws.inside, stackStatus: lost('Throttling') };
      aws.ms += ms;
      return messageOf(aws.poll('r', { type }).then(({ IsComplete }) => IsComplete));
    };
  };
  test.each([
    ['Update', 0, /^false$/],
    ['Update', 119_999, /^false$/],
    ['Update', 120_000, /^Nothing was changed/],
  ] as const)('%s, after %i ms', async (type, ms, told) => {
    expect(await failing(type)(ms)).toMatch(told);
  });

  test('a Create has no rollback that could be meant', async () => {
    aws.status = 'CREATE_IN_PROGRESS';
    expect(await failing('Create')(0)).toMatch(/^Nothing was changed/);
  });

  test('a success is told at once', async () => {
    await begun();
    change({ stackStatus: lost('Throttling') });
    expect(await aws.poll('r')).toMatchObject({ IsComplete: true });
  });
});

describe('what nobody expected', () => {
  const broken = () => change({ executions: { ...aws.inside.executions, describe: lost('TypeError') } });

  test('is waited for, as long as a database is, and logged; then it is a failure', async () => {
    broken();
    for (let poll = 0; poll < 2; poll++) {
      expect(await aws.poll('r')).toEqual(NOT_YET);
      aws.ms += 10_000;
    }
    expect(last('unexpected-error')).toMatchObject({
      error: 'no answer',
      stack: expect.stringContaining('poll-answers'),
    });
    expect(last('fleet-polled')).toMatchObject({ progress: 'no answer' });
    expect(await messageOf(aws.poll('r'))).toBe('Unexpected error in Trueup: no answer');
  });

  test('a rollback gives up', async () => {
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
    broken();
    aws.ms += 2_995_000;
    expect(await aws.poll('u', BACK)).toMatchObject({
      IsComplete: true,
      Data: { Warnings: 'Unexpected error in Trueup: no answer' },
    });
  });

  test('the last moment is not waited beyond', async () => {
    broken();
    aws.ms += 2_994_999;
    expect(await aws.poll('r')).toEqual(NOT_YET);
    aws.failingSince.clear();
    aws.ms += 1;
    expect(await messageOf(aws.poll('r'))).toMatch(/^Unexpected error/);
  });

  test('what will not be different is told at once, and is in no log as unexpected', async () => {
    expect(await messageOf(aws.poll('r', { plan: { canaries: ['z'] } }))).toMatch(/^z is a canary/);
    expect(last('unexpected-error')).toBeUndefined();
  });
});
