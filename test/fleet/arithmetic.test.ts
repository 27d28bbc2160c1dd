import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { estimateFleetCapacity, type FleetCost, TRANSITIONS_PER_TENANT } from '../../lambda/fleet/arithmetic';
import { splitIntoWaves } from '../../lambda/fleet/waves';
import { buildFleetStates } from '../../lib/constructs/fleet/states';

const usd = ({ transitions, functions }: FleetCost): number => transitions + functions;

const needed = (plan: Parameters<typeof estimateFleetCapacity>[0]) =>
  Object.fromEntries(
    estimateFleetCapacity(plan).needs.map((need) => [
      need.what.split(' ').slice(0, 3).join(' '),
      need.needed,
    ]),
  );

test('10,000 tenants, 80 at once, 30 s each, do not fit in an hour', () => {
  const { looked, waves, seconds, fitsInAnHour } = estimateFleetCapacity({ tenants: 10_000, servers: 10 });
  expect(looked).toBe(125);
  expect(waves).toEqual([
    { tenants: 1, endsAt: 155 },
    { tenants: 500, endsAt: 155 + 7 * 30 },
    { tenants: 9_499, endsAt: 155 + 210 + 119 * 30 },
  ]);
  expect(seconds).toBe(3_935);
  expect(fitsInAnHour).toBe(9_120);
  expect(estimateFleetCapacity({ tenants: fitsInAnHour, servers: 10 }).seconds).toBeLessThanOrEqual(3_600);
});

test('what fits in the hour fits, whatever the numbers', () => {
  for (const servers of [1, 3, 40])
    for (const concurrency of [1, 8, 50])
      for (const migrateS of [1, 10, 30, 300]) {
        const plan = { servers, concurrency, migrateS };
        const tenants = estimateFleetCapacity({ ...plan, tenants: 1 }).fitsInAnHour;
        if (tenants > 20)
          expect(
            estimateFleetCapacity({ ...plan, tenants }).seconds,
            JSON.stringify(plan),
          ).toBeLessThanOrEqual(3_600);
      }
});

test('waves are as large as those that are drawn', () => {
  for (const tenants of [1, 2, 3, 19, 100, 1_000]) {
    const drawn = splitIntoWaves(
      Array.from({ length: tenants }, (_, i) => ({ name: `t${i}`, database: 'd' })),
    );
    const sizes = estimateFleetCapacity({ tenants }).waves.map((wave) => wave.tenants);
    expect(sizes).toEqual(drawn.map((wave) => wave.tenants.length));
  }
});

describe('what the services are asked for', () => {
  test('grows with what is at once, and not with the number of tenants', () => {
    expect(needed({ tenants: 10_000, servers: 10 })).toMatchObject({
      'concurrent child executions': 80,
      'state transitions a': 320,
      'concurrent executions of': 80,
    });
    expect(estimateFleetCapacity({ tenants: 10, concurrency: 20 })).toMatchObject({
      connections: 20,
      maxConnections: 200,
    });
  });

  test('cost is about the same for each tenant', () => {
    const cost = (tenants: number, migrateS?: number) => estimateFleetCapacity({ tenants, migrateS }).cost;
    expect(usd(cost(10_000)) / usd(cost(1_000))).toBeCloseTo(10, 5);
    // Reckoned by hand: 8 transitions, two calls, 31 s with half a gigabyte.
    expect(cost(1_000).transitions).toBeCloseTo(8 * 0.025, 6);
    expect(cost(1_000).functions).toBeCloseTo(0.0004 + 31 * 0.5 * 0.0133334, 6);
    expect(estimateFleetCapacity({ tenants: 1_000 }).idleCost.transitions).toBeCloseTo(4 * 0.025, 6);
    // A tenant of 200 s takes three slices.
    expect(cost(1_000, 200).transitions).toBeCloseTo((4 + 4 + 2 * 3) * 0.025, 6);
  });

  test('a child of the map enters the states that are reckoned with', () => {
    const machine = JSON.stringify(
      buildFleetStates({
        bucket: 'b',
        servers: [{ name: 'main', functionArn: 'f' }],
        tallyArn: 't',
        concurrency: 1,
      }),
    );
    const { States } = JSON.parse(/"ItemProcessor":(\{.*?\}),"ResultWriter"/.exec(machine)![1]!);
    // What comes after the death of a function is not reckoned with.
    const entered = Object.entries(States as Record<string, { Type: string }>)
      .filter(([name]) => !/^(Died|Once more|Pause after a death|Dead)/.test(name))
      .map(([, { Type }]) => Type);
    expect(entered).toEqual(['Task', 'Choice', 'Wait', 'Succeed']);
    // Each but the pause; and the map is charged one for the child.
    expect(TRANSITIONS_PER_TENANT).toBe(entered.length - 1 + 1);
  });
});

/** As docs/fleet.md has it. */
function documented(): string {
  const rows = [
    [1_000, 1],
    [10_000, 10],
    [10_000, 20],
    [10_000, 100],
  ].map(([tenants, servers]) => {
    const { seconds, fitsInAnHour, needs, maxConnections, cost, idleCost } = estimateFleetCapacity({
      tenants: tenants!,
      servers: servers!,
    });
    const cells = [
      tenants!.toLocaleString('en'),
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
  const { cost, idleCost } = estimateFleetCapacity({ tenants: 1_000 });
  const of = ({ transitions, functions }: FleetCost): string =>
    `state transitions cost ${transitions.toFixed(2)} USD and Lambda ${functions.toFixed(2)} USD`;
  return `For 1,000 tenants, ${of(cost)}. If there is nothing to do, ${of(idleCost)}.`;
}

test('docs/fleet.md has these figures', () => {
  const page = readFileSync(join(__dirname, '../../docs/fleet.md'), 'utf8');
  expect(page).toContain(documented());
  expect(page.replaceAll(/\s+/g, ' ')).toContain(documentedCost());
});
