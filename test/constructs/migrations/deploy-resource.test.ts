import { describe, expect, it } from 'vitest';
import type { DeployProperties } from '../../../lambda/contract/custom-resource';
import { fitProperties, listNewestMigrations } from '../../../lib/constructs/migrations/deploy-resource';
import { manifestOf, migration } from '../../support/manifest';

const numbered = (count: number, prefix = '') =>
  Array.from({ length: count }, (_, index) => migration(`${prefix}${String(index + 1).padStart(4, '0')}_x`));
const namesOf = (labels: readonly string[]) => labels.map((label) => label.split(' ')[0]);

describe('the newest migrations', () => {
  it('are twenty, oldest first', () => {
    const names = namesOf(listNewestMigrations(manifestOf(...numbered(25))));
    expect(names).toHaveLength(20);
    expect(names[0]).toBe('0006_x');
    expect(names.at(-1)).toBe('0025_x');
  });

  it('leave places for repeatables, and at least half for the others', () => {
    const few = listNewestMigrations(manifestOf(...numbered(25), ...numbered(3, 'R__')));
    expect(namesOf(few).slice(0, 1)).toEqual(['0009_x']);
    expect(namesOf(few).slice(-3)).toEqual(['R__0001_x', 'R__0002_x', 'R__0003_x']);
    const many = listNewestMigrations(manifestOf(...numbered(25), ...numbered(30, 'R__')));
    expect(many).toHaveLength(20);
    expect(namesOf(many).filter((name) => name!.startsWith('R__'))).toHaveLength(10);
  });

  it('carry a digest that follows the content', () => {
    const [before] = listNewestMigrations(manifestOf(migration('0001_x', { up: ['SELECT 1'] })));
    const [after] = listNewestMigrations(manifestOf(migration('0001_x', { up: ['SELECT 2'] })));
    expect(before).toMatch(/^0001_x [0-9a-f]{8}$/);
    expect(after).not.toBe(before);
  });
});

describe('properties within 4 KB', () => {
  const properties = (names: readonly string[], forceRunToken = '') =>
    ({ Migrations: names, ForceRunToken: forceRunToken }) as unknown as DeployProperties;
  const size = (each: DeployProperties) => Buffer.byteLength(JSON.stringify(each));

  it('lose the oldest names first', () => {
    const names = Array.from({ length: 20 }, (_, index) => `${index}`.padEnd(300, 'x'));
    const { Migrations } = fitProperties(properties(names), size);
    expect(Migrations).toEqual(names.slice(-Migrations.length));
    expect(size(properties(Migrations))).toBeLessThanOrEqual(3584);
    expect(size(properties(names.slice(-Migrations.length - 1)))).toBeGreaterThan(3584);
  });

  it('are refused when no name is left to lose', () => {
    expect(() => fitProperties(properties(['0001_x'], 'é'.repeat(2000)), size)).toThrow(
      /take 40\d\d bytes without any migration's name; 3584 is the limit/,
    );
  });
});
