/** Many tenants' checks in one report: by kind, whatever their number. */
import { describe, expect, test } from 'vitest';
import { type AuditDrift, type AuditedFinding, MAX_NEW_FINDINGS } from '../../lambda/contract/audit-findings';
import type { Verification } from '../../lambda/contract/status';
import { countTenantsWith, summarizeFleetDrift } from '../../lambda/fleet/drift';
import { mergeByKind } from '../../lambda/migrate/fleet/new-findings';
import { buildFleetMetrics } from '../../lambda/migrate/metrics';

const rest = { notReached: 0, deploying: false, logging: [] };
const verification = (change: Partial<Verification> = {}): Verification => ({
  namespace: 'crm',
  verified: [],
  findings: [],
  withoutVerify: [],
  pending: [],
  errors: [],
  ...change,
});
const lost = verification({ findings: [{ migration: '0001_orders', sentence: 'table orders is missing' }] });
const late = verification({ pending: ['0002_total', '0003_note'] });
const finding = (
  object: string,
  confidence: AuditedFinding['confidence'] = 'C',
  id = 'missing-primary-key-default',
): AuditedFinding => ({
  id,
  confidence,
  object,
  message: `${object} has no default.`,
  evidence: [],
});
const audit = (unpaged: number | null, ...named: AuditedFinding[]): AuditDrift => ({
  found: named.length,
  unpaged,
  named,
  suppressed: 0,
  obsolete: [],
  notChecked: [],
  notCheckedCount: 0,
  problem: null,
});

test('where the login may not look, that is said, and nothing is claimed', () => {
  const workload = {
    statements: 3,
    plan: 1,
    broken: 0,
    failing: 0,
    undecided: {},
    notRecorded: 0,
    named: [],
    problem: null,
  };
  const report = summarizeFleetDrift(
    [
      { name: 'a', verification: late, notChecked: 'it may not read orders' },
      {
        name: 'b',
        verification: verification(),
        workload: { ...workload, undecided: { permission: 2, lock: 1 } },
      },
      {
        name: 'c',
        verification: verification(),
        workload: { ...workload, problem: 'They could not be planned.' },
      },
      { name: 'd', verification: lost, notChecked: 'it may not read people' },
    ],
    [{ name: 'a' }],
    rest,
    [{ name: 'z', why: "The server's login may not connect to it." }],
  );
  expect(report).toMatchObject({ checked: 3 });
  expect(report.findings).toEqual([
    { kind: 'not-readable', tenants: 5, first: ['a', 'b', 'c', 'd', 'z'], example: 'it may not read orders' },
    { kind: 'drift', tenants: 1, first: ['d'], example: '0001_orders: table orders is missing' },
    { kind: 'pending', tenants: 1, first: ['a'], example: '2 pending, the first is 0002_total' },
  ]);
  const metrics = buildFleetMetrics('f', report, 0);
  expect(metrics).toMatchObject({
    Drift: 1,
    VerifiedMigrations: 2,
    PendingMigrations: 1,
    UnreachableDatabases: 0,
  });
  expect(buildFleetMetrics('f', { ...report, audited: 1 }, 0)).toMatchObject({ AuditFindings: 0 });
});

test('a thousand tenants are a few lines', () => {
  const tenants = Array.from({ length: 1_000 }, (_, i) => ({
    name: `shop/t${String(i).padStart(4, '0')}`,
    verification: i % 2 === 0 ? lost : i % 5 === 0 ? late : verification(),
  }));
  const report = summarizeFleetDrift(tenants, [{ name: 'shop' }], rest);
  expect(report).toEqual({
    checked: 1_000,
    notReached: 0,
    deploying: false,
    audited: 0,
    unpaged: 0,
    logging: [],
    findings: [
      {
        kind: 'drift',
        tenants: 500,
        first: ['shop/t0000', 'shop/t0002', 'shop/t0004', 'shop/t0006', 'shop/t0008'],
        example: '0001_orders: table orders is missing',
      },
      expect.objectContaining({
        kind: 'pending',
        tenants: 100,
        example: '2 pending, the first is 0002_total',
      }),
    ],
  });
  expect(JSON.stringify(report).length).toBeLessThan(1_000);
  expect(countTenantsWith(report, 'pending')).toBe(100);
  expect(buildFleetMetrics('ask', report, 0)).toMatchObject({
    FunctionName: 'ask',
    DriftChecked: 1,
    Drift: 500,
    VerifiedMigrations: 500,
    PendingMigrations: 100,
    TenantsNotReached: 0,
  });
  expect(buildFleetMetrics('ask', report, 0)).not.toHaveProperty('AuditFindings');
  // Between two waves tenants are behind, and nobody need get up for it.
  const during = buildFleetMetrics('ask', summarizeFleetDrift(tenants, [], { ...rest, deploying: true }), 0);
  expect(during).toMatchObject({ Drift: 500, DriftChecked: 1 });
  expect(during).not.toHaveProperty('PendingMigrations');
});

test("the audit's kinds count databases, and what nobody was told of", () => {
  const databases = [
    { name: 'a', audit: audit(2, finding('t.id'), finding('u.id')) },
    { name: 'b', audit: audit(0, finding('t.id')) },
    { name: 'c', audit: audit(null) },
    {
      name: 'd',
      error: {
        code: 'connection',
        message: 'the database refused the password',
        remedy: 'Check it.',
      } as const,
    },
  ];
  const report = summarizeFleetDrift([], databases, rest);
  expect(report).toMatchObject({
    audited: 3,
    unpaged: 2,
    findings: [
      {
        kind: 'missing-primary-key-default',
        tenants: 2,
        first: ['a', 'b'],
        example: 't.id: t.id has no default.',
      },
      { kind: 'unreachable', tenants: 1, first: ['d'] },
    ],
  });
  expect(buildFleetMetrics('ask', report, 0)).toMatchObject({
    AuditFindings: 1,
    NewFindings: 2,
    UnreachableDatabases: 1,
  });
  expect(summarizeFleetDrift([], [{ name: 'c', audit: audit(null) }], rest).unpaged).toBeNull();
});

test('a page has one finding a kind, the surest, and says in how many databases', () => {
  const found = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((database, i) => ({
    database,
    found: {
      findings: [
        finding('t.id', i === 3 ? 'A' : 'C'),
        ...(i === 0 ? [finding('x', 'B', 'invalid-index')] : []),
      ],
      count: i === 0 ? 2 : 1,
      marked: true,
    },
  }));
  expect(mergeByKind(found)).toEqual({
    marked: true,
    count: 2,
    findings: [
      {
        ...finding('t.id', 'A'),
        message: 't.id has no default. 7 of this kind, in 7 databases: a, b, c, d, e and 2 more.',
      },
      {
        ...finding('x', 'B', 'invalid-index'),
        message: 'x has no default. One of this kind, in database a.',
      },
    ],
  });
  expect(mergeByKind([])).toEqual({ findings: [], count: 0, marked: true });
  expect(
    mergeByKind([{ database: 'a', found: { findings: [finding('t')], count: 300, marked: false } }]),
  ).toMatchObject({ count: 2, marked: false });
});

describe('kinds', () => {
  const of = (...kinds: [kind: string, ...tenants: string[]][]) =>
    summarizeFleetDrift(
      [],
      kinds.flatMap(([kind, ...names]) =>
        names.map((name) => ({ name, audit: audit(0, finding('t', 'C', kind)) })),
      ),
      rest,
    ).findings.map(({ kind, first }) => [kind, ...first]);

  test('those that most tenants have come first, then by name; and their tenants by name', () => {
    expect(of(['b', 'y', 'x'], ['c', 'x'], ['a', 'z'], ['d', 'z', 'x', 'y'])).toEqual([
      ['d', 'x', 'y', 'z'],
      ['b', 'x', 'y'],
      ['a', 'z'],
      ['c', 'x'],
    ]);
  });

  test('what cannot be proved, and statements that no longer plan', () => {
    const withoutVerify = verification({
      errors: [{ code: 'privilege', message: 'no right', remedy: 'Grant it.' }],
    });
    const workload = (broken: number) => ({ broken, statements: 9, undecided: {}, problem: null }) as never;
    const tenants = [
      { name: 'a', verification: withoutVerify, workload: workload(2) },
      { name: 'b', verification: verification(), workload: workload(0) },
    ];
    expect(summarizeFleetDrift(tenants, [], rest).findings).toEqual([
      { kind: 'verify-error', tenants: 1, first: ['a'], example: 'No right. Grant it.' },
      { kind: 'workload', tenants: 1, first: ['a'], example: '2 of 9 statements no longer plan' },
    ]);
  });

  test.each([
    ['x'.repeat(300), 'x'.repeat(300)],
    ['x'.repeat(301), `${'x'.repeat(300)}…`],
    [`${'x'.repeat(299)}😀y`, `${'x'.repeat(299)}…`],
    [`😀${'x'.repeat(300)}`, `😀${'x'.repeat(298)}…`],
  ])('an example is 300 characters at most, and no half of one (%#)', (sentence, example) => {
    const findings = [{ migration: 'm', sentence: sentence.slice(3) }];
    const told = summarizeFleetDrift([{ name: 'a', verification: verification({ findings }) }], [], rest);
    expect(told.findings[0]!.example).toBe(`m: ${example.slice(3)}`);
  });
});

test('of a page, the surest kinds come first, in the order in which they were found', () => {
  const found = (database: string, ...findings: AuditedFinding[]) => ({
    database,
    found: { findings, count: findings.length, marked: true },
  });
  const of = (...all: Parameters<typeof mergeByKind>[0]) =>
    mergeByKind(all).findings.map(({ id, confidence }) => id + confidence);
  expect(
    of(
      found('a', finding('x', 'C', 'c'), finding('x', 'A', 'a'), finding('x', 'B', 'b')),
      found('b', finding('y', 'B', 'd'), finding('y', 'A', 'e'), finding('y', 'B', 'c')),
    ),
  ).toEqual(['aA', 'eA', 'cB', 'bB', 'dB']);
  const five = mergeByKind(['a', 'b', 'c', 'd', 'e'].map((name) => found(name, finding('t'))));
  expect(five.findings[0]!.message).toMatch(/ in 5 databases: a, b, c, d, e\.$/);
  const many = Array.from({ length: 300 }, (_, i) => finding('t', 'C', `kind ${i}`));
  const page = mergeByKind([found('a', ...many)]);
  expect([page.findings.length, page.count]).toEqual([MAX_NEW_FINDINGS, 300]);
});
