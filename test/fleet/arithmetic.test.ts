import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Cost, fleetArithmetic, TRANSITIONS } from '../../lambda/fleet/arithmetic';
import { wavesOf } from '../../lambda/fleet/waves';
import { fleetStates } from '../../lib/constructs/fleet/states';

const usd = ({ transitions, functions }: Cost): number => transitions + functions;

const needed = (plan: Parameters<typeof fleetArithmetic>[0]) =>
  Object.fromEntries(
    fleetArithmetic(plan).needs.map((need) => [need.what.split(' ').slice(0, 3).join(' '), need.needed]),
  );

test('10,000 targets, 80 at once, 30 s each, do not fit in an hour', () => {
  const { looked, waves, seconds, fitsInAnHour } = fleetArithmetic({ targets: 10_000, servers: 10 });
  expect(looked).toBe(125);
  expect(waves).toEqual([
    { targets: 1, endsAt: 155 },
    { targets: 500, endsAt: 155 + 7 * 30 },
    { targets: 9_499, endsAt: 155 + 210 + 119 * 30 },
  ]);
  expect(seconds).toBe(3_935);
  expect(fitsInAnHour).toBe(9_120);
  expect(fleetArithmetic({ targets: fitsInAnHour, servers: 10 }).seconds).toBeLessThanOrEqual(3_600);
});

test('what fits in the hour fits, whatever the numbers', () => {
  for (const servers of [1, 3, 40])
    for (const concurrency of [1, 8, 50])
      for (const migrateS of [1, 10, 30, 300]) {
        const plan = { servers, concurrency, migrateS };
        const targets = fleetArithmetic({ ...plan, targets: 1 }).fitsInAnHour;
        if (targets > 20)
          expect(fleetArithmetic({ ...plan, targets }).seconds, JSON.stringify(plan)).toBeLessThanOrEqual(
            3_600,
          );
      }
});

test('waves are as large as those that are drawn', () => {
  for (const targets of [1, 2, 3, 19, 100, 1_000]) {
    const drawn = wavesOf(Array.from({ length: targets }, (_, i) => ({ name: `t${i}`, database: 'd' })));
    const sizes = fleetArithmetic({ targets }).waves.map((wave) => wave.targets);
    expect(sizes).toEqual(drawn.map((wave) => wave.targets.length));
  }
});

describe('what the services are asked for', () => {
  test('grows with what is at once, and not with the number of targets', () => {
    expect(needed({ targets: 10_000, servers: 10 })).toMatchObject({
      'children of a': 80,
      'state transitions a': 320,
      'concurrent executions of': 80,
    });
    expect(fleetArithmetic({ targets: 10, concurrency: 20 })).toMatchObject({
      connections: 20,
      maxConnections: 200,
    });
  });

  test('cost is about the same for each target', () => {
    const cost = (targets: number, migrateS?: number) => fleetArithmetic({ targets, migrateS }).cost;
    expect(usd(cost(10_000)) / usd(cost(1_000))).toBeCloseTo(10, 5);
    // Reckoned by hand: 8 transitions, two calls, 31 s with half a gigabyte.
    expect(cost(1_000).transitions).toBeCloseTo(8 * 0.025, 6);
    expect(cost(1_000).functions).toBeCloseTo(0.0004 + 31 * 0.5 * 0.0133334, 6);
    expect(fleetArithmetic({ targets: 1_000 }).idleCost.transitions).toBeCloseTo(4 * 0.025, 6);
    // A tenant of 200 s takes three slices.
    expect(cost(1_000, 200).transitions).toBeCloseTo((4 + 4 + 2 * 3) * 0.025, 6);
  });

  test('a child of the map enters the states that are reckoned with', () => {
    const machine = JSON.stringify(
      fleetStates({
        bucket: 'b',
        servers: [{ name: 'main', functionArn: 'f' }],
        tallyArn: 't',
        concurrency: 1,
      }),
    );
    const { States } = JSON.parse(/"ItemProcessor":(\{.*?\}),"ResultWriter"/.exec(machine)![1]!);
    const entered = Object.values(States as Record<string, { Type: string }>).map(({ Type }) => Type);
    expect(entered).toEqual(['Task', 'Choice', 'Wait', 'Succeed']);
    // Each but the pause; and the map is charged one for the child.
    expect(TRANSITIONS).toBe(entered.length - 1 + 1);
  });
});

/** As docs/fleet.md has it. */
function documented(): string {
  const rows = [
    [1_000, 1],
    [10_000, 10],
    [10_000, 20],
    [10_000, 100],
  ].map(([targets, servers]) => {
    const { seconds, fitsInAnHour, needs, maxConnections, cost, idleCost } = fleetArithmetic({
      targets: targets!,
      servers: servers!,
    });
    const cells = [
      targets!.toLocaleString('en'),
      String(servers),
      String(8 * servers!),
      `${Math.ceil(seconds / 60)} min${seconds > 3_600 ? ', **too long**' : ''}`,
      fitsInAnHour.toLocaleString('en'),
      String(maxConnections),
      ...[1, 2, 3].map((i) => {
        const { needed: asked, limit } = needs[i]!;
        const mark = asked > limit ? '**' : '';
        return `${mark}${asked.toLocaleString('en')} of ${limit.toLocaleString('en')}${mark}`;
      }),
      `${usd(cost).toFixed(2)} USD`,
      `${usd(idleCost).toFixed(2)} USD`,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| tenants | servers | at once | takes | fit in an hour | free connections a server | children of the map | transitions a second | Lambda | migrating all | nothing to do |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** And what they are made of. */
function documentedCost(): string {
  const { cost, idleCost } = fleetArithmetic({ targets: 1_000 });
  const of = ({ transitions, functions }: Cost): string =>
    `${transitions.toFixed(2)} USD of state transitions and ${functions.toFixed(2)} USD of Lambda`;
  return `For 1,000 tenants it is ${of(cost)}, and ${of(idleCost)} where there is nothing to do`;
}

test('docs/fleet.md has these figures', () => {
  const page = readFileSync(join(__dirname, '../../docs/fleet.md'), 'utf8');
  expect(page).toContain(documented());
  expect(page.replaceAll(/\s+/g, ' ')).toContain(documentedCost());
});
