import { expect, test } from 'vitest';
import { listDroppedIndexes } from '../../lambda/sql/drop-index';

test.each([
  ['DROP INDEX a', ['a']],
  ['drop index concurrently if exists shop.a, "B, ""c""" ;', ['shop.a', '"B, ""c"""']],
  ['DROP /* one */ INDEX -- two\n "shop" . "a" RESTRICT', ['"shop"."a"']],
  ['DROP INDEX a CASCADE', null],
  ['DROP TABLE a', null],
  ['DROP INDEX', null],
  ['DROP INDEX a,', null],
  ["DROP INDEX 'a'", null],
  ['', null],
])('%s', (sql, names) => expect(listDroppedIndexes(sql)).toEqual(names));
