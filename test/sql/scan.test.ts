import { describe, expect, it } from 'vitest';
import { formatTextArray, toNamedParameters } from '../../lambda/postgres/data-api/values';
import { skipQuoted } from '../../lambda/sql/scan';

describe('sql-scan', () => {
  it.each([
    ['a string', `'it''s'x`, `'it''s'`.length - 3],
    ['a plain string keeps its backslash', `'a\\'x`, `'a\\'`.length],
    ['a quoted identifier', '"a$1"x', 5],
    ['a line comment', '-- $1\nx', 5],
    ['a nested comment', '/* /* */ $1 */x', 14],
    ['dollar quotes', '$$ $1 $$x', 8],
    ['tagged dollar quotes', '$q$ $$ $1 $q$x', 13],
    ['what never ends', `'abc`, 4],
    ['no quote at all', 'abc', 0],
    ['a parameter', '$1', 0],
  ])('finds the end of %s', (_, sql, end) => {
    expect(skipQuoted(sql, 0)).toBe(end);
  });

  it.each([
    ['SELECT $1, $12', 'SELECT :p1, :p12'],
    ['SELECT foo$1, "x$1", $1', 'SELECT foo$1, "x$1", :p1'],
    ["SELECT E'\\'$1', e'a''$1', $1", "SELECT E'\\'$1', e'a''$1', :p1"],
    ["SELECT name'$1', type'\\', $1", "SELECT name'$1', type'\\', :p1"],
    ['SELECT $f$ $1 $g$ $1 $f$, $1', 'SELECT $f$ $1 $g$ $1 $f$, :p1'],
    ['SELECT a$f$1 + $1', 'SELECT a$f$1 + :p1'],
    ['SELECT $1::text -- $1', 'SELECT :p1::text -- $1'],
    ['SELECT žluť$1, $1', 'SELECT žluť$1, :p1'],
  ])('names the parameters of %s', (sql, named) => {
    expect(toNamedParameters(sql)).toBe(named);
  });

  it('writes arrays as the server reads them', () => {
    expect(formatTextArray(['a', 'b"c', 'd\\e', '', 'NULL'])).toBe('{"a","b\\"c","d\\\\e","","NULL"}');
  });
});
