/** A request of CloudFormation over a fleet, poll by poll, with a stand-in for Step Functions' client. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { runObjectKeys } from '../../lambda/contract/fleet-run';
import {
  FAILED_DEPLOYMENT_PATTERN,
  KEPT_MIGRATIONS_PATTERN,
  STOPPED_RUN_PATTERN,
} from '../../lib/constructs/fleet/fleet-alarms';
import { compileFilterPattern } from '../support/filter-pattern';
import { quiet } from '../support/quiet';
import { membersOf, StandIn } from './stand-in';

quiet();

let aws: StandIn;
beforeEach(() => {
  aws = new StandIn();
  aws.members = membersOf('a', 'b', 'c', 'd');
});
const NOT_YET = { IsComplete: false };
const failing =
  (...names: string[]): StandIn['onTenant'] =>
  (member, { work }) =>
    work === 'inspect'
      ? { state: 'behind', pending: 1 }
      : work === 'apply' && names.includes(member.name)
        ? {
            state: 'failed',
            pending: 1,
            error: { code: 'sql', message: 'no such table', remedy: 'Make it.' } as never,
          }
        : { state: work === 'undo' ? 'undone' : 'up to date' };

describe('the line about the end of a run, which an alarm matches', () => {
  const linesOf = async (work: () => Promise<unknown>, of = 'fleet-run-ended') => {
    const write = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
    try {
      await work();
      return write.mock.calls.map(([text]) => JSON.parse(String(text))).filter(({ event }) => event === of);
    } finally {
      write.mockRestore();
    }
  };
  test.each([
    ['a deployment', {}, 'UPDATE_IN_PROGRESS'],
    [
      'a rollback',
      { properties: { ManifestHash: 'old' }, old: { ManifestHash: 'new' } },
      'UPDATE_ROLLBACK_IN_PROGRESS',
    ],
  ])(
    'its run broke while %s waited for it: one alarm tells, that of the state machine',
    async (_, asked, status) => {
      await aws.poll('r');
      if (status !== 'UPDATE_IN_PROGRESS') await aws.toEnd('r');
      aws.status = status;
      const id = status === 'UPDATE_IN_PROGRESS' ? 'r' : 'u';
      await aws.poll(id, asked);
      Object.assign(aws.runs.get(id)!, { status: 'FAILED', error: 'States.DataLimitExceeded' });
      const [line] = await linesOf(() => aws.poll(id, asked).catch(() => {}), 'deployment-ended');
      expect(line).toMatchObject({ event: 'deployment-ended', outcome: 'broke' });
      for (const pattern of [FAILED_DEPLOYMENT_PATTERN, KEPT_MIGRATIONS_PATTERN, STOPPED_RUN_PATTERN])
        expect(compileFilterPattern(pattern)(JSON.stringify({ ...line, keptCount: 1 }))).toBe(false);
    },
  );

  const canaryFirst = { plan: { waitFor: 'canary' } } as const;

  test('the canaries are through, the stack went on, and the rest fails: stopped, once', async () => {
    aws.onTenant = (member, asked) =>
      aws.runs.get('r')!.state.name === 'canary'
        ? { state: 'up to date' }
        : failing('a', 'b', 'c', 'd')(member, asked);
    const lines = await linesOf(async () => {
      await aws.poll('r', canaryFirst);
      await aws.wave('r');
      await aws.wave('r');
      expect(await aws.poll('r', canaryFirst)).toMatchObject({ IsComplete: true });
      await aws.toEnd('r');
    });
    expect(lines).toEqual([
      expect.objectContaining({ run: 'r', by: 'deployment', outcome: 'stopped', stopped: 'failures' }),
    ]);
    expect(lines[0].failures[0].why).toContain('No such table');
  });

  test('all well: done', async () => {
    const lines = await linesOf(async () => {
      await aws.poll('r');
      await aws.toEnd('r');
    });
    expect(lines).toEqual([expect.objectContaining({ outcome: 'done', wrong: 0 })]);
  });

  test.each([
    ['migrations', 'newer'],
    ['workload', undefined],
  ])(
    'a newer deployment changed the functions under it, their %s: superseded, which wakes nobody',
    async (_, hash) => {
      const lines = await linesOf(async () => {
        await aws.poll('r', canaryFirst);
        await aws.wave('r');
        await aws.wave('r');
        aws.deployedHash = hash;
        aws.onTenant = () => ({
          state: 'refused',
          error: { code: 'manifest', message: 'the run is about another manifest', remedy: 'Nothing to do.' },
        });
        await aws.toEnd('r');
      });
      expect(lines).toEqual([expect.objectContaining({ outcome: 'superseded', stopped: 'failures' })]);
    },
  );
});

describe('forward', () => {
  test('begun once, looked at, wave by wave, and the list read again before success', async () => {
    expect(await aws.poll('r')).toEqual(NOT_YET);
    expect(aws.runs.get('r')!.state).toMatchObject({
      work: 'inspect',
      wave: 0,
      request: { manifestHash: 'new' },
    });
    expect(await aws.poll('r')).toEqual(NOT_YET);
    expect(aws.starts).toEqual(['r']);
    const names: string[] = [];
    while (aws.runs.get('r')!.status === 'RUNNING') {
      names.push(aws.runs.get('r')!.state.name);
      await aws.wave('r');
    }
    expect(names).toEqual(['inspect', 'canary', 'early', 'rest']);
    expect(await aws.poll('r')).toMatchObject({
      IsComplete: true,
      Data: { Tenants: '4 tenants: 4 up to date', Failed: 'none', Warnings: 'none' },
    });
  });

  test('a start whose answer was lost, and a poll that was killed before it: one execution', async () => {
    const { start } = aws.outbound.executions;
    let calls = 0;
    Object.assign(aws.outbound.executions, {
      start: async (name: string, input: unknown) => {
        calls++;
        if (calls === 1) throw new Error('killed');
        await start(name, input);
        if (calls === 2) throw new Error('answer lost');
      },
    });
    for (let poll = 0; poll < 3; poll++) expect(await aws.poll('r')).toEqual(NOT_YET);
    expect(aws.starts).toEqual(['r']);
  });

  test('tenants that came meanwhile are brought up, twice at most', async () => {
    await aws.poll('r');
    await aws.toEnd('r');
    aws.members = membersOf('a', 'b', 'c', 'd', 'e');
    expect(await aws.poll('r')).toEqual(NOT_YET);
    expect(aws.starts).toEqual(['r', 'r-2']);
    expect(aws.runs.get('r-2')!.state.report.tenantCount).toBe(1);
    await aws.toEnd('r-2');
    expect(await aws.poll('r')).toMatchObject({ Data: { Tenants: '5 tenants: 5 up to date' } });
  });

  test('something against a tenant: nothing is changed, and it is named', async () => {
    aws.onTenant = (member) =>
      member.name === 'c'
        ? { state: 'edited', error: { code: 'history', message: '0001 has changed', remedy: 'Restore it.' } }
        : { state: 'behind' };
    await aws.poll('r');
    await aws.toEnd('r');
    expect(aws.runs.get('r')!.state.wave).toBe(0);
    await expect(aws.poll('r')).rejects.toThrow(
      /^Nothing was changed: 1 tenant cannot be migrated, and none may fail\. c on main \(edited\): 0001 has changed/,
    );
  });

  test('one fails: its wave ends, the next does not begin; tolerated, all others are brought up', async () => {
    aws.onTenant = failing('a', 'b', 'c', 'd');
    await aws.poll('r');
    await aws.toEnd('r');
    expect(aws.runs.get('r')!.state).toMatchObject({ wave: 1, report: { stopped: 'failures', wrong: 1 } });
    await expect(aws.poll('r')).rejects.toThrow(
      /^Stopped after wave canary: 1 tenant failed, and none may fail.*No such table.*3 behind/,
    );

    aws.onTenant = failing('b');
    await aws.poll('s', { plan: { maxFailures: 1 } });
    await aws.toEnd('s');
    expect(await aws.poll('s', { plan: { maxFailures: 1 } })).toMatchObject({
      Data: {
        Tenants: expect.stringContaining('3 up to date'),
        Failed: expect.stringContaining('b on eu (failed)'),
      },
    });
  });

  test('many fail: each is named, as many as fit, and the sentence comes to its end', async () => {
    aws.members = membersOf(...Array.from({ length: 40 }, (_, i) => `tenant_${i}`));
    const error = { code: 'sql', message: 'x'.repeat(500), remedy: 'y' } as never;
    aws.onTenant = (_, { work }) => (work === 'inspect' ? { state: 'behind' } : { state: 'failed', error });
    await aws.poll('r', { plan: { maxFailures: 40 } });
    await aws.toEnd('r');
    expect(await aws.poll('r', { plan: { maxFailures: 40 } })).toMatchObject({
      Data: {
        Failed: expect.stringMatching(/^(tenant_\d+ on (main|eu) \(failed\), ){10,}and \d\d more$/),
      },
    });
    await aws.poll('s', { plan: { canaries: aws.members.slice(0, 9).map(({ name }) => name) } });
    await aws.toEnd('s');
    await expect(
      aws.poll('s', { plan: { canaries: aws.members.slice(0, 9).map(({ name }) => name) } }),
    ).rejects.toThrow(
      /(tenant_\d+ on (main|eu) \(failed\): Xxx.*){5}; and 4 more\. .*the next deployment continues from there\.$/,
    );
  });

  test('a function that dies and a map that ends early: no answer, and nobody is taken for migrated', async () => {
    aws.onTenant = (member, { work }) =>
      member.name === 'a' ? 'dies' : { state: work === 'inspect' ? 'behind' : 'up to date' };
    await aws.poll('r');
    await aws.toEnd('r');
    const died = await aws.poll('r').catch((error: Error) => error.message);
    expect(died).toContain(
      'a on main (no answer): its function gave no answer (Lambda.Unknown); see its log',
    );
    expect(died).not.toContain('secret');

    aws.onTenant = () => ({ state: 'behind' });
    aws.mapError = (server) => (server === 'eu' ? 'States.ItemReaderFailed' : undefined);
    await aws.poll('s');
    await aws.toEnd('s');
    await expect(aws.poll('s')).rejects.toThrow(
      /2 tenants cannot be migrated.*b on eu \(no answer\): Step Functions ended its wave early \(States\.ItemReaderFailed\)/,
    );
  });

  test('out of time: the run is stopped, and what is where is said', async () => {
    await aws.poll('r');
    await aws.wave('r');
    await aws.wave('r');
    aws.ms += 2_996_000;
    aws.inFlight = 1;
    await expect(aws.poll('r')).rejects.toThrow(
      /^Not finished within 50 minutes: 4 tenants: .*1 up to date.*still at work: 1 on main; 1 on eu/,
    );
    expect(aws.runs.get('r')!.status).toBe('ABORTED');
  });

  test('waitFor canary: success once the canaries are through; the next deployment stops what still runs', async () => {
    const plan = { waitFor: 'canary', canaries: ['d'] } as const;
    await aws.poll('r', { plan });
    await aws.wave('r');
    expect(await aws.poll('r', { plan })).toEqual(NOT_YET);
    await aws.wave('r');
    expect(await aws.poll('r', { plan })).toMatchObject({
      IsComplete: true,
      Data: { Warnings: expect.stringContaining('run r continues with waves early, rest') },
    });
    await aws.poll('s', { plan });
    expect(aws.runs.get('r')!.status).toBe('ABORTED');
    expect(aws.runs.get('s')!.status).toBe('RUNNING');
  });

  test('a run that Step Functions ended by itself', async () => {
    await aws.poll('r');
    Object.assign(aws.runs.get('r')!, { status: 'FAILED', error: 'States.DataLimitExceeded' });
    await expect(aws.poll('r')).rejects.toThrow('ended the run as FAILED (States.DataLimitExceeded)');
  });

  test.each([
    ['too few connections', { freeConnections: 19 }, {}, 'set maxConcurrency to 1'],
    [
      'a canary that is not there',
      {},
      { canaries: ['z'] },
      'z is a canary and is not in the list of 4 tenants',
    ],
  ])('%s: nothing is begun', async (_, change, plan, message) => {
    Object.assign(aws, change);
    await expect(aws.poll('r', { plan })).rejects.toThrow(message);
    expect(aws.starts).toEqual([]);
  });

  test('a list with what cannot be: every problem at once, nothing is begun', async () => {
    aws.members = [...membersOf('a', 'a'), { name: 'b', database: 'x', server: 'evil.example' }];
    await expect(aws.poll('r')).rejects.toThrow(
      /the name "a" is already in row 1; row 3: server "evil\.example" is not in this fleet; the servers are main, eu/,
    );
    expect(aws.starts).toEqual([]);
  });

  test('100 tenants of long errors: what travels stays small', async () => {
    aws.members = membersOf(...Array.from({ length: 100 }, (_, i) => `tenant_${i}`));
    const error = { code: 'sql', message: 'x'.repeat(1_500), remedy: 'y' } as never;
    aws.onTenant = (_, { work }) => (work === 'inspect' ? { state: 'behind' } : { state: 'failed', error });
    await aws.poll('r', { plan: { maxFailures: 200 } });
    await aws.toEnd('r');
    expect(Buffer.byteLength(JSON.stringify(aws.runs.get('r')!.state))).toBeLessThan(32 * 1024);
    const answer = await aws.poll('r', { plan: { maxFailures: 200 } });
    expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThan(3_000);
  });
});

describe('backward', () => {
  const rollback = { properties: { ManifestHash: 'old' }, old: { ManifestHash: 'new' } };

  test('runs are stopped, those in flight waited for, and each tenant of a wave that was begun is undone', async () => {
    await aws.poll('r', { plan: { canaries: ['a', 'b'] } });
    await aws.wave('r');
    await aws.wave('r');
    expect(aws.runs.get('r')!.state.name).toBe('early');
    aws.members = membersOf('a', 'b', 'c', 'd', 'late');
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
    aws.inFlight = 1;
    const { sleep } = { sleep: aws.ms };
    expect(await aws.poll('u', rollback)).toEqual(NOT_YET);
    expect(aws.ms).toBeGreaterThan(sleep);
    expect(aws.runs.get('r')!.status).toBe('ABORTED');
    expect(aws.runs.get('u')!.state).toMatchObject({
      work: 'undo',
      request: {
        direction: 'rollback',
        manifestHash: 'old',
        failed: { manifestHash: 'new', reportedSuccess: false },
      },
    });
    aws.onTenant = (member) =>
      member.name === 'a'
        ? { state: 'undone', changed: ['0002'], kept: [{ name: '0003', reason: 'it has no down section' }] }
        : member.name === 'b'
          ? { state: 'missing' }
          : { state: 'undone' };
    await aws.toEnd('u');
    expect(await aws.poll('u', rollback)).toMatchObject({
      IsComplete: true,
      Data: {
        Tenants: '3 tenants: 1 undone, 1 missing, 1 unchanged',
        Undone: '1',
        Kept: 'a: 0003 (it has no down section)',
        Warnings: 'none',
      },
    });
  });

  test('a deployment that only looked: nothing was changed, so no tenant is asked', async () => {
    aws.onTenant = ({ name }) => (name === 'a' ? { state: 'edited' } : { state: 'behind' });
    await aws.poll('r');
    await aws.toEnd('r');
    await expect(aws.poll('r')).rejects.toThrow(/Nothing was changed: 1 tenant/);
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
    expect(await aws.poll('u', rollback)).toMatchObject({
      IsComplete: true,
      Data: { Kept: 'none', Undone: '0', Warnings: 'none' },
    });
    expect(aws.starts).toEqual(['r']);
  });

  test('newcomers that only were looked at: what the round before did is undone all the same', async () => {
    await aws.poll('r');
    await aws.toEnd('r');
    aws.members = [...aws.members, ...membersOf('late')];
    await aws.poll('r');
    aws.onTenant = () => ({ state: 'edited' });
    await aws.toEnd('r-2');
    await expect(aws.poll('r')).rejects.toThrow(/Tenants were added to the list during the deployment/);
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
    expect(await aws.poll('u', rollback)).toEqual(NOT_YET);
    expect(aws.starts).toEqual(['r', 'r-2', 'u']);
  });

  test('a deployment that never began a run: nothing to undo, no run', async () => {
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
    expect(await aws.poll('u', rollback)).toMatchObject({ IsComplete: true, Data: { Undone: '0' } });
    expect(aws.starts).toEqual([]);
  });

  test('only the canary was touched: no other tenant is asked, and the sentence of the failure holds', async () => {
    aws.members = membersOf(...Array.from({ length: 300 }, (_, i) => `t${i}`));
    aws.onTenant = (_, { work }) => ({ state: work === 'inspect' ? 'behind' : 'failed' });
    await aws.poll('r', { plan: { canaries: ['t7'] } });
    await aws.toEnd('r');
    await expect(aws.poll('r', { plan: { canaries: ['t7'] } })).rejects.toThrow(
      /^Stopped after wave canary: 1 tenant failed.* A rollback undoes what it safely can; what else was done is recorded/,
    );
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
    const asked: string[] = [];
    aws.onTenant = ({ name }) => {
      asked.push(name);
      return { state: 'undone' };
    };
    expect(await aws.poll('u', rollback)).toEqual(NOT_YET);
    await aws.toEnd('u');
    expect(asked).toEqual(['t7']);
    expect(await aws.poll('u', rollback)).toMatchObject({
      Data: { Tenants: '1 tenant: 1 unchanged', Undone: '0', Warnings: 'none' },
    });
  });

  test("the list's source is unreachable: those that the run touched are known without it", async () => {
    await aws.poll('r');
    await aws.wave('r');
    await aws.wave('r');
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
    const { invokeMigrate } = aws.outbound;
    Object.assign(aws.outbound, {
      invokeMigrate: async (name: string, request: { action: string }) =>
        request.action === 'list-tenants'
          ? { kind: 'died', message: 'missing' }
          : invokeMigrate(name, request as never),
    });
    expect(await aws.poll('u', rollback)).toEqual(NOT_YET);
    await aws.toEnd('u');
    expect(await aws.poll('u', rollback)).toMatchObject({ Data: { Warnings: 'none' } });
    expect(aws.runs.get('u')!.state.report.tenantCount).toBe(2);
  });

  test('what a person brought up with the code that failed is asked too, and nothing of other code or of a look', async () => {
    await aws.poll('r');
    await aws.wave('r');
    await aws.wave('r');
    const upRun = async (run: string, manifestHash: string, ...members: string[]) => {
      const state = { ...aws.runs.get('r')!.state, run, name: 'canary', wave: 1, request: { manifestHash } };
      aws.runs.set(run, { status: 'SUCCEEDED', error: null, state: state as never });
      aws.objects.set(runObjectKeys.state(run), JSON.stringify(state));
      aws.objects.set(runObjectKeys.list(run, 1, 'main'), JSON.stringify(membersOf(...members)));
    };
    await upRun('up-1', 'new', 'signed_up');
    await upRun('up-2', 'old', 'before');
    await upRun('status-1', 'new', 'looked_at');
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
    const asked: string[] = [];
    aws.onTenant = ({ name }) => {
      asked.push(name);
      return { state: 'undone' };
    };
    await aws.poll('u', rollback);
    await aws.toEnd('u');
    expect(asked).toContain('signed_up');
    expect(asked).toHaveLength(3);
  });

  test('nothing makes it fail: runs that cannot be listed, a run that dies, time that runs out', async () => {
    await aws.poll('r');
    await aws.toEnd('r');
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
    const { invokeMigrate } = aws.outbound;
    Object.assign(aws.outbound, { invokeMigrate: async () => ({ kind: 'died', message: 'missing' }) });
    expect(await aws.poll('u', rollback)).toEqual(NOT_YET);
    expect(aws.runs.get('u')!.state.report.tenantCount).toBe(4);
    Object.assign(aws.outbound, { invokeMigrate });
    aws.runs.get('u')!.status = 'FAILED';
    expect(await aws.poll('u', rollback)).toMatchObject({
      IsComplete: true,
      Data: { Warnings: expect.stringContaining('ended the rollback as FAILED') },
    });
    aws.runs.get('u')!.status = 'RUNNING';
    aws.ms += 3_000_000;
    expect(await aws.poll('u', rollback)).toMatchObject({
      IsComplete: true,
      Data: {
        Warnings: expect.stringContaining('out of time: migrations of the remaining tenants are kept'),
      },
    });
  });

  test('runs cannot be listed: what the deployment touched is undone, and that is said at the end, however it ends', async () => {
    await aws.poll('r');
    await aws.toEnd('r');
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
    const { executions } = aws.inside;
    const lost = {
      ...executions,
      startedSince: () => Promise.reject(new Error('AWS did not list the runs.')),
    };
    const unread =
      'what `trueup up --tenant` did during the failed deployment was not checked, and is kept (AWS did not list the runs)';
    for (const [id, end] of [
      ['u', (name: string) => aws.toEnd(name)],
      ['v', async (name: string) => void Object.assign(aws.runs.get(name)!, { status: 'FAILED' })],
      ['w', async () => void Object.assign(aws, { ms: aws.ms + 3_000_000 })],
    ] as const) {
      aws.ms = 1_000_000;
      aws.outbound = { ...aws.inside, executions: lost };
      expect(await aws.poll(id, rollback)).toEqual(NOT_YET);
      aws.outbound = aws.inside;
      await end(id);
      expect(await aws.poll(id, rollback)).toMatchObject({
        Data: { Warnings: expect.stringContaining(unread) },
      });
    }
    aws.ms = 1_000_000;
    expect(await aws.poll('x', rollback)).toEqual(NOT_YET);
    await aws.toEnd('x');
    expect(await aws.poll('x', rollback)).toMatchObject({ Data: { Warnings: 'none' } });
  });

  test('Delete of a stack: runs are stopped, and the tenants stay as they are', async () => {
    await aws.poll('r');
    aws.status = 'DELETE_IN_PROGRESS';
    expect(await aws.poll('d', { type: 'Delete' })).toMatchObject({ IsComplete: true });
    expect(aws.runs.get('r')!.status).toBe('ABORTED');
    expect(aws.starts).toEqual(['r']);
  });
});

test('a plan that an update has not brought yet is waited for, for a minute', async () => {
  const other = { properties: { Fleet: 'another' } };
  expect(await aws.poll('r', other)).toEqual(NOT_YET);
  expect(aws.starts).toEqual([]);
  aws.ms += 61_000;
  await aws.poll('r', other);
  expect(aws.starts).toEqual(['r']);
});
