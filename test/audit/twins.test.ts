/** Several objects of a table that do the same: each that is lost or renamed is named, and none is taken for another. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadParser } from '../../lib/compiler/read/parser';
import { connect, createDatabase, majors } from '../support/database';
import { roundTrip } from './round-trip';
import { readOnly } from './support';

beforeAll(() => loadParser());

interface Made {
  readonly kind: 'CONSTRAINT' | 'INDEX';
  readonly as: string;
}
const constraint = (as: string): Made => ({ kind: 'CONSTRAINT', as });

/** By what they do. */
const GROUPS: readonly Readonly<Record<string, Made>>[] = [
  {
    p: constraint('PRIMARY KEY (id)'),
    u: constraint('UNIQUE (id)'),
    v: { kind: 'INDEX', as: 'UNIQUE' },
    w: constraint('UNIQUE (id) DEFERRABLE'),
  },
  { i: { kind: 'INDEX', as: '' }, j: { kind: 'INDEX', as: '' } },
  {
    f: constraint('FOREIGN KEY (id) REFERENCES parents'),
    g: constraint('FOREIGN KEY (id) REFERENCES parents'),
  },
  { c: constraint('CHECK (id > 0)'), d: constraint('CHECK (id > 0)') },
  { e: constraint('EXCLUDE (id WITH =)'), x: constraint('EXCLUDE (id WITH =)') },
];
const OBJECTS = GROUPS.flatMap((group) => Object.keys(group));

const sqlOf = (table: string, name: string): readonly [make: string, drop: string, rename: string] => {
  const { kind, as } = GROUPS.find((group) => name in group)![name]!;
  const own = `${table}_${name}`;
  return kind === 'INDEX'
    ? [
        `CREATE ${as} INDEX ${own} ON ${table} (id);`,
        `DROP INDEX ${own};`,
        `ALTER INDEX ${own} RENAME TO ${own}_other;`,
      ]
    : [
        `ALTER TABLE ${table} ADD CONSTRAINT ${own} ${as};`,
        `ALTER TABLE ${table} DROP CONSTRAINT ${own};`,
        `ALTER TABLE ${table} RENAME CONSTRAINT ${own} TO ${own}_other;`,
      ];
};

interface Change {
  readonly dropped: readonly string[];
  readonly renamed: readonly string[];
}
const pairs = (names: readonly string[]): (readonly [string, string])[] =>
  names.flatMap((one, at) => names.slice(at + 1).map((other) => [one, other] as const));

const CHANGES: readonly Change[] = [
  ...OBJECTS.map((name) => ({ dropped: [name], renamed: [] })),
  ...OBJECTS.map((name) => ({ dropped: [], renamed: [name] })),
  ...pairs(OBJECTS).map((dropped) => ({ dropped, renamed: [] })),
  ...GROUPS.flatMap((group) => pairs(Object.keys(group))).flatMap(([one, other]) => [
    { dropped: [one], renamed: [other] },
    { dropped: [other], renamed: [one] },
    { dropped: [], renamed: [one, other] },
  ]),
  ...GROUPS.map((group) => ({ dropped: Object.keys(group), renamed: [] })),
  { dropped: ['u', 'v', 'w'], renamed: ['p'] },
  { dropped: ['p', 'u', 'w'], renamed: ['v'] },
];

describe.each(majors())('PostgreSQL %i', (major) => {
  test('each that is gone is named, comes back, and takes nothing from another', async () => {
    const [source, target] = [await createDatabase(major), await createDatabase(major)];
    const [from, to] = [await connect(source), await connect(target)];
    const tables = CHANGES.map((_, at) => `t${at}`);
    const made = `CREATE TABLE parents (id int PRIMARY KEY);
      ${tables.map((table) => `CREATE TABLE ${table} (id int NOT NULL); ${OBJECTS.map((name) => sqlOf(table, name)[0]).join(' ')}`).join('\n')}`;
    for (const client of [from, to]) await client.query(made);
    const change = ({ dropped, renamed }: Change, at: number): string =>
      [
        ...dropped.map((name) => sqlOf(`t${at}`, name)[1]),
        ...renamed.map((name) => sqlOf(`t${at}`, name)[2]),
      ].join(' ');
    await to.query(CHANGES.map(change).join('\n'));

    const { first, written, left } = await roundTrip(target, await readOnly(target), {
      version: '0',
      source: await readOnly(source),
    });
    const found = first.findings.flatMap(({ message }) => /\bt\d+_[a-z]\b/.exec(message)?.[0] ?? message);
    const expected = CHANGES.flatMap(({ dropped, renamed }, at) =>
      [...dropped, ...renamed].map((name) => `t${at}_${name}`),
    );
    expect(found.sort()).toEqual(expected.sort());
    expect([...written.unwritten.values()]).toEqual([]);
    expect(left.map(({ message }) => message)).toEqual([]);
  });
});
