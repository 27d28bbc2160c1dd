import { describe, expect, it } from 'vitest';
import { clausesOf, implies } from '../../lambda/sql/predicates';

describe('clauses of a predicate', () => {
  it.each([
    ['is_active', ['is_active']],
    ['(is_active = true)', ['is_active']],
    ['TRUE = t.is_active', ['is_active']],
    ['(is_active AND (deleted_at IS NULL))', ['is_active', 'deleted_at is null']],
    ['NOT deleted', ['not deleted']],
    ['(deleted = false)', ['not deleted']],
    ["((status)::text = 'paid'::text)", ['status = ?']],
    ["status = 'paid'", ['status = ?']],
    ["((kind)::character varying(10) <> 'x'::character varying)", ['kind <> ?']],
    ["kind != 'x'", ['kind <> ?']],
    [
      "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
      ['status in ( ? , ? )'],
    ],
    ["status IN ('a', 'b')", ['status in ( ? , ? )']],
    ['a > 1 OR b', ['a > ? or b']],
    ['n BETWEEN 1 AND 2 AND x', ['n between ? and ?', 'x']],
    ['"Active" AND "plain"', ['"Active"', 'plain']],
    ['is_active IS TRUE', ['is_active is true']],
  ])('%s', (predicate, clauses) => {
    expect(clausesOf(predicate)).toEqual(clauses);
  });
});

describe('a statement against an index', () => {
  it.each([
    [null, 'is_active', 'not-implied'],
    ['is_active', '(is_active = true)', 'implied'],
    ['is_active = true', 'is_active', 'implied'],
    ['is_active AND tenant = ?', 'is_active', 'implied'],
    ['is_active IS TRUE', 'is_active', 'not-implied'],
    ['is_active', '(is_active IS TRUE)', 'not-implied'],
    ['is_active', '(is_active AND (deleted_at IS NULL))', 'not-implied'],
    ['is_active = $3', 'is_active', 'parameter'],
    ['is_active = ?', 'is_active', 'unseen-values'],
    ['deleted = $1', '(NOT deleted)', 'parameter'],
    ['status = ?', "((status)::text = 'paid'::text)", 'unseen-values'],
    ['status = $2', "((status)::text = 'paid'::text)", 'parameter'],
    ['status = $2 AND is_active', "(((status)::text = 'paid'::text) AND is_active)", 'parameter'],
  ])('WHERE %s against %s: %s', (statement, index, expected) => {
    expect(implies(statement, index)).toBe(expected);
  });
});
