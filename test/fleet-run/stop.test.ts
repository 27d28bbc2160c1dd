/** Runs are stopped, and the tenants that they left in the middle are waited for. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { MigrateResponse } from '../../lambda/contract/migrate';
import { stopRunExecutions, waitUntilSettled } from '../../lambda/fleet-run/stop';
import { PLAN, StandIn } from './stand-in';

let aws: StandIn;
beforeEach(() => {
  aws = new StandIn();
});

describe('runs', () => {
  const started = async (...names: string[]) => {
    for (const name of names) await aws.outbound.executions.start(name, {});
  };
  const stopped = () => [...aws.runs].flatMap(([name, { status }]) => (status === 'ABORTED' ? [name] : []));

  test('those that are meant, and no look of a person, whatever is meant', async () => {
    await started('r', 'r-2', 'status-1', 'up-1', 'mystatus-');
    const told: string[] = [];
    const { stop } = aws.outbound.executions;
    Object.assign(aws.outbound.executions, {
      stop: (name: string, why: string) => {
        told.push(`${name}: ${why}`);
        return stop(name, why);
      },
    });
    expect(await stopRunExecutions(aws, (name) => name !== 'r', 'a reason')).toBe(3);
    expect(stopped()).toEqual(['r-2', 'up-1', 'mystatus-']);
    expect(told).toEqual(['r-2: a reason', 'up-1: a reason', 'mystatus-: a reason']);
  });
});

describe('tenants in flight', () => {
  /** By function, the answers in turn; the last one again and again. */
  const waits = async (answers: Record<string, (MigrateResponse | 'dies')[]>, withinMs = 10_000) => {
    const asked: string[] = [];
    const outbound = {
      ...aws.outbound,
      invokeMigrate: async (name: string) => {
        asked.push(name);
        const [response] = answers[name]!.length > 1 ? answers[name]!.splice(0, 1) : answers[name]!;
        return response === 'dies'
          ? ({ kind: 'died', message: 'missing' } as const)
          : ({ kind: 'answered', response: response! } as const);
      },
    };
    const pauses: number[] = [];
    const clock = {
      now: () => aws.ms,
      sleep: async (ms: number) => {
        pauses.push(ms);
        aws.ms += ms;
      },
    };
    const fleet = { functions: { main: 'main', eu: 'eu' } } as never;
    const left = await waitUntilSettled({ plan: PLAN, fleet, outbound, clock } as never, withinMs);
    return { left, asked, pauses };
  };
  const at = (
    count: number,
    ...first: { database: string; namespace: string | null }[]
  ): MigrateResponse => ({
    action: 'server',
    server: { freeConnections: 0, inFlight: { count, first } },
  });

  test('nobody: no pause', async () => {
    expect(await waits({ main: [at(0)], eu: [at(0)] })).toEqual({
      left: null,
      asked: ['main', 'eu'],
      pauses: [],
    });
  });

  test('until nobody is left', async () => {
    const { left, pauses } = await waits({ main: [at(2), at(1), at(0)], eu: [at(0)] });
    expect([left, pauses]).toEqual([null, [2_000, 2_000]]);
  });

  test('until the time is up, to the millisecond; then they are named', async () => {
    const tenants = [
      { database: 'acme', namespace: null },
      { database: 'shop', namespace: 'shop/b' },
    ];
    const { left, pauses } = await waits({ main: [at(12, ...tenants)], eu: [at(1)] }, 4_000);
    expect(left).toBe('still at work: 12 on main (acme, shop/b); 1 on eu');
    expect(pauses).toEqual([2_000, 2_000]);
  });

  test('a server that cannot be asked is said, and one of another version is passed over', async () => {
    const { left } = await waits({ main: ['dies'], eu: [{ action: 'status' } as never] }, 0);
    expect(left).toMatch(
      /^still at work: the sessions on main could not be read: The function .*main.* missing/,
    );
    expect(left).not.toContain('eu');
  });
});
