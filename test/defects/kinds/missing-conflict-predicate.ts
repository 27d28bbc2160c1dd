import type { DefectCase } from './case';

const T = 'CREATE TABLE t (a int, b int, s text, is_active boolean, deleted_at timestamptz);\n';
const ux = (rest: string) => `${T}CREATE UNIQUE INDEX ux ON t ${rest}`;
const insert = (clause: string) =>
  `INSERT INTO t (a, b, s, is_active) VALUES (1, 2, 'x', true) ON CONFLICT ${clause} DO NOTHING`;
const rewrites = { verdict: 'application', repair: 'rewrites' } as const;

export const missingConflictPredicate: readonly DefectCase[] = [
  {
    name: 'no predicate',
    schema: ux('(a, b) WHERE is_active'),
    failing: insert('(a, b)'),
    case: 'predicate-missing',
    says: /ON CONFLICT \(a, b\) WHERE is_active\./,
    instead: insert('(a, b) WHERE is_active'),
    ...rewrites,
  },
  {
    name: 'another predicate',
    schema: ux('(a, b) WHERE is_active'),
    failing: insert('(a, b) WHERE is_active IS TRUE'),
    case: 'predicate-differs',
    instead: insert('(a, b) WHERE is_active'),
    ...rewrites,
  },
  {
    name: 'half of it',
    schema: ux('(a, b) WHERE is_active AND deleted_at IS NULL'),
    failing: insert('(a, b) WHERE is_active'),
    case: 'predicate-differs',
    instead: insert('(a, b) WHERE is_active AND deleted_at IS NULL'),
    ...rewrites,
  },
  {
    name: 'another value, which the log does not show',
    schema: ux("(a, b) WHERE s = 'y'"),
    failing: insert("(a, b) WHERE s = 'x'"),
    case: 'unseen-values',
    instead: insert("(a, b) WHERE s = 'y'"),
    ...rewrites,
  },
  {
    name: 'an expression with another value',
    schema: `${T}CREATE UNIQUE INDEX ux ON t (a, COALESCE(b, 0))`,
    failing: insert('(a, coalesce(b, 1))'),
    case: 'unseen-values',
    instead: insert('(a, coalesce(b, 0))'),
    ...rewrites,
  },
  {
    name: 'a parameter in a prepared statement',
    schema: ux('(a, b) WHERE is_active'),
    failing: async (client) => {
      const text =
        'INSERT INTO t (a, b, is_active) VALUES ($1, $2, true) ON CONFLICT (a, b) WHERE is_active = $3 DO NOTHING';
      for (let i = 0; i < 10; i++) await client.query({ name: 'p', text, values: [1, 2, true] });
    },
    shown:
      'INSERT INTO t (a, b, is_active) VALUES ($1, $2, true) ON CONFLICT (a, b) WHERE is_active = $3 DO NOTHING',
    case: 'bind-parameter',
    instead: insert('(a, b) WHERE is_active = true'),
    ...rewrites,
  },
];
