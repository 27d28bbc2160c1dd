/** The list is read again before success, so a deployment may have several runs; and a rollback undoes all of them. */
import { beforeEach, describe, expect, test } from 'vitest';
import { runObjectKeys } from '../../lambda/contract/fleet-run';
import { membersOf, StandIn } from './stand-in';

let aws: StandIn;
beforeEach(() => {
  aws = new StandIn();
  aws.members = membersOf('a', 'b', 'c', 'd');
});
const NOT_YET = { IsComplete: false };
const BACK = { properties: { ManifestHash: 'old' }, old: { ManifestHash: 'new' } };
const messageOf = (work: Promise<unknown>) => work.then(String, (error: Error) => error.message);
const more = (...names: string[]) => {
  aws.members = membersOf(...aws.members.map(({ name }) => name), ...names);
};
/** Stops, with the reason. */
const reasons = () => {
  const told: string[] = [];
  const { stop } = aws.inside.executions;
  aws.outbound = {
    ...aws.inside,
    executions: {
      ...aws.inside.executions,
      stop: (name, why) => {
        told.push(`${name}: ${why}`);
        return stop(name, why);
      },
    },
  };
  return told;
};

describe('forward', () => {
  test('three runs, and no fourth: what they all came to is told', async () => {
    aws.onTenant = ({ name }, { work }) => ({
      state: work === 'inspect' ? 'behind' : ['a', 'e'].includes(name) ? 'failed' : 'up to date',
    });
    const plan = { maxFailures: 2, canaries: ['a'], shares: [] };
    for (const [run, ...newcomers] of [
      ['r', 'e'],
      ['r-2', 'f'],
      ['r-3', 'g'],
    ] as const) {
      expect(await aws.poll('r', { plan })).toEqual(NOT_YET);
      await aws.toEnd(run);
      more(...newcomers);
    }
    expect(await aws.poll('r', { plan })).toMatchObject({
      IsComplete: true,
      Data: {
        Tenants: '6 tenants: 2 failed, 4 up to date',
        Failed: 'a on main (failed), e on main (failed)',
        Warnings: '2 tenants within the failure limit and behind: a on main (failed); e on main (failed).',
      },
    });
    expect(aws.starts).toEqual(['r', 'r-2', 'r-3']);
    expect(JSON.parse(aws.objects.get(runObjectKeys.latest('new'))!)).toEqual({ runs: ['r', 'r-2', 'r-3'] });
    const begun = ['r', 'r-2', 'r-3'].map((name) => aws.runs.get(name)!.state);
    expect(begun.map(({ canaries, maxFailures }) => [canaries, maxFailures])).toEqual([
      [['a'], 2],
      [[], 1],
      [[], 0],
    ]);
  });

  test('what a run before it left is gone: the others are told', async () => {
    await aws.poll('r');
    await aws.toEnd('r');
    more('e');
    await aws.poll('r');
    await aws.toEnd('r-2');
    aws.objects.delete(runObjectKeys.state('r'));
    expect(await aws.poll('r')).toMatchObject({ Data: { Tenants: '1 tenant: 1 up to date' } });
  });

  test('twenty failures of all runs are named at most', async () => {
    aws.members = membersOf(...Array.from({ length: 15 }, (_, i) => `t${i}`));
    aws.onTenant = () => ({ state: 'edited' });
    const plan = { maxFailures: 40 };
    await aws.poll('r', { plan });
    await aws.toEnd('r');
    more(...Array.from({ length: 15 }, (_, i) => `u${i}`));
    await aws.poll('r', { plan });
    await aws.toEnd('r-2');
    const { Data } = (await aws.poll('r', { plan })) as { Data: Record<string, string> };
    expect(Data.Tenants).toBe('30 tenants: 30 edited');
    expect(Data.Warnings).toContain('30 tenants within the failure limit and behind');
  });

  test('a run whose state is gone counts as one that tolerated nobody', async () => {
    const plan = { maxFailures: 3 };
    for (const run of ['r', 'r-2']) {
      await aws.poll('r', { plan });
      await aws.toEnd(run);
      more(`${run}-new`);
    }
    aws.objects.delete(runObjectKeys.state('r'));
    expect(await aws.poll('r', { plan })).toEqual(NOT_YET);
    expect(aws.runs.get('r-3')!.state).toMatchObject({ maxFailures: 3, go: true });
  });

  test('a list that is wrong by then: what is done is said', async () => {
    await aws.poll('r');
    await aws.toEnd('r');
    more('a');
    expect(await messageOf(aws.poll('r'))).toMatch(
      /^The list of tenants is not valid: .*\. The list was read again before reporting success; all tenants that it had before are migrated\.$/,
    );
  });

  test('nothing was begun when the time was up: nothing is begun any more', async () => {
    aws.ms += 2_995_000;
    expect(await messageOf(aws.poll('r'))).toMatch(/^Not finished within 50 minutes: not all tenants/);
    expect(aws.starts).toEqual([]);
  });

  test('at the last moment the list is not read again', async () => {
    await aws.poll('r');
    await aws.toEnd('r');
    more('e');
    aws.ms += 2_995_000;
    expect(await aws.poll('r')).toMatchObject({ Data: { Tenants: '4 tenants: 4 up to date' } });
  });

  test('a moment before, it is', async () => {
    await aws.poll('r');
    await aws.toEnd('r');
    more('e');
    aws.ms += 2_994_999;
    expect(await aws.poll('r')).toEqual(NOT_YET);
    expect(aws.starts).toEqual(['r', 'r-2']);
  });

  test('out of time before all are looked at: its own runs are stopped, a person’s goes on', async () => {
    const told = reasons();
    await aws.poll('r');
    await aws.inside.executions.start('up-1', {});
    aws.ms += 2_995_000;
    aws.inFlight = 1;
    const began = aws.ms;
    expect(await messageOf(aws.poll('r'))).toBe(
      'Not finished within 50 minutes: not all tenants had been inspected; still at work: 1 on main; 1 on eu. A rollback undoes what it safely can; what else was done is recorded, and the next deployment continues from there.',
    );
    expect(told).toEqual(['r: the deployment ran out of time']);
    expect(aws.ms - began).toBe(20_000);
  });

  test('out of time, and nobody at work', async () => {
    await aws.poll('r');
    await aws.wave('r');
    aws.ms += 2_995_000;
    expect(await messageOf(aws.poll('r'))).toBe(
      'Not finished within 50 minutes: 4 tenants: 4 behind. A rollback undoes what it safely can; what else was done is recorded, and the next deployment continues from there.',
    );
  });

  test('a run of an earlier deployment is stopped, and why is said', async () => {
    const told = reasons();
    await aws.inside.executions.start('older', {});
    await aws.poll('r');
    expect(told).toEqual(['older: a newer deployment began']);
  });
});

describe('backward', () => {
  const begun = async () => {
    await aws.poll('r');
    await aws.wave('r');
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
  };

  test('the tenants of all runs, each once, and of none that is on a server of another fleet', async () => {
    await aws.poll('r');
    await aws.toEnd('r');
    more('e');
    await aws.poll('r');
    await aws.wave('r-2');
    aws.objects.set(runObjectKeys.list('r-2', 1, 'missing'), JSON.stringify([{ name: 'x', database: 'x' }]));
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
    const told = reasons();
    expect(await aws.poll('u', BACK)).toEqual(NOT_YET);
    expect(told).toEqual(['r-2: the stack is rolled back or deleted']);
    const { state } = aws.runs.get('u')!;
    expect([state.report.tenantCount, state.migrates, state.work]).toEqual([5, false, 'undo']);
  });

  test('nothing was begun, and somebody is at work all the same', async () => {
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
    aws.inFlight = 1;
    expect(await aws.poll('u', BACK)).toMatchObject({
      Data: { Tenants: '0 tenants: none inspected', Warnings: 'still at work: 1 on main; 1 on eu' },
    });
  });

  test('runs whose servers are all gone: there is nothing to do', async () => {
    await begun();
    for (const key of ['main', 'eu']) aws.objects.delete(runObjectKeys.list('r', 1, key));
    aws.objects.set(runObjectKeys.list('r', 1, 'missing'), JSON.stringify([{ name: 'x', database: 'x' }]));
    expect(await aws.poll('u', BACK)).toMatchObject({
      IsComplete: true,
      Data: { Tenants: '0 tenants: none inspected', Warnings: 'none' },
    });
    expect(aws.starts).toEqual(['r']);
  });

  test('out of time: its own run alone is stopped; what came of it is told', async () => {
    await begun();
    await aws.poll('u', BACK);
    await aws.inside.executions.start('other', {});
    const told = reasons();
    aws.ms = 1_000_000 + 2_994_999;
    expect(await aws.poll('u', BACK)).toEqual(NOT_YET);
    aws.ms += 1;
    expect(await aws.poll('u', BACK)).toMatchObject({
      IsComplete: true,
      Data: { Tenants: 'unknown', Warnings: 'out of time: migrations of the remaining tenants are kept' },
    });
    expect(told).toEqual(['u: the rollback ran out of time']);
  });

  describe('it is not known which deployment failed', () => {
    test('everything is kept, and that is said', async () => {
      await aws.poll('r');
      aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
      aws.inFlight = 1;
      aws.outbound = {
        ...aws.inside,
        stackEvents: async function* () {
          yield await Promise.reject(new Error('no answer'));
        },
      };
      expect(await aws.poll('u', BACK)).toMatchObject({
        IsComplete: true,
        Data: {
          Tenants: 'unknown',
          Warnings:
            'it is not known which deployment failed, so everything is kept; still at work: 1 on main; 1 on eu',
        },
      });
    });

    test('a Delete of a stack keeps all without a word, once nobody is at work', async () => {
      aws.status = 'DELETE_IN_PROGRESS';
      expect(await aws.poll('d', { type: 'Delete' })).toMatchObject({
        IsComplete: true,
        Data: { Tenants: '0 tenants: none inspected', Warnings: 'none' },
      });
      aws.inFlight = 1;
      expect(await aws.poll('e', { type: 'Delete' })).toMatchObject({
        Data: { Warnings: 'still at work: 1 on main; 1 on eu' },
      });
    });
  });
});
