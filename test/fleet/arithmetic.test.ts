import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fleetArithmetic } from '../../lambda/fleet/arithmetic';
import { wavesOf } from '../../lambda/fleet/waves';

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
      'state transitions a': 240,
      'concurrent executions of': 80,
    });
    expect(fleetArithmetic({ targets: 10, concurrency: 20 })).toMatchObject({
      connections: 20,
      maxConnections: 200,
    });
  });

  test('cost is about the same for each target', () => {
    const cost = (targets: number) => fleetArithmetic({ targets, migrateS: 2 }).cost;
    expect(cost(1_000)).toBeGreaterThan(0.15);
    expect(cost(1_000)).toBeLessThan(0.2);
    expect(cost(10_000) / cost(1_000)).toBeCloseTo(10, 5);
    const { cost: all, idleCost } = fleetArithmetic({ targets: 1_000 });
    expect(idleCost).toBeGreaterThan(0.07);
    expect(idleCost).toBeLessThan(all);
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
      `${cost.toFixed(2)} USD`,
      `${idleCost.toFixed(2)} USD`,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| tenants | servers | at once | takes | fit in an hour | free connections a server | children of the map | transitions a second | Lambda | migrating all | nothing to do |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

test('docs/fleet.md has these figures', () => {
  expect(readFileSync(join(__dirname, '../../docs/fleet.md'), 'utf8')).toContain(documented());
});
