/**
 * The evaluator itself, against the examples of
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html for the forms that it knows.
 */
import { describe, expect, it } from 'vitest';
import { compileFilterPattern } from '../filter-pattern';

const EVENTS = [
  '[ERROR 400] BAD REQUEST',
  '[ERROR 401] UNAUTHORIZED REQUEST',
  '[ERROR 419] MISSING ARGUMENTS',
  '[ERROR 420] INVALID ARGUMENTS',
  '[ERROR 500] INTERNAL SERVER ERROR',
  '[INFO] REQUEST FAILED',
];
const matching = (pattern: string, events: readonly string[] = EVENTS): readonly string[] =>
  events.filter(compileFilterPattern(pattern));

describe('text', () => {
  it('a single term', () => {
    expect(matching('ERROR')).toEqual(EVENTS.slice(0, 5));
    expect(
      matching('"ERROR"', ['[ERROR] A fatal exception has occurred', 'Exiting with ERRORCODE: -1']),
    ).toHaveLength(2);
  });
  it('terms are case-sensitive', () => expect(matching('error')).toEqual([]));
  it('several terms: all of them', () => expect(matching('ERROR ARGUMENTS')).toEqual(EVENTS.slice(2, 4)));
  it('an exact phrase', () => expect(matching('"INTERNAL SERVER ERROR"')).toEqual([EVENTS[4]]));
  it('a term excluded', () =>
    expect(matching('ERROR -ARGUMENTS', EVENTS.slice(0, 4))).toEqual(EVENTS.slice(0, 2)));
  it('a phrase excluded', () => expect(matching('"REQUEST" -"BAD REQUEST"')).toEqual([EVENTS[1], EVENTS[5]]));
  it('one of several', () => expect(matching('?"ERROR" ?"FAILED"')).toEqual(EVENTS));
  it('refuses what it does not know', () => {
    expect(() => compileFilterPattern('?ERROR REQUEST')).toThrow();
    expect(() => compileFilterPattern('%AUTHORIZED%')).toThrow();
    expect(() => compileFilterPattern('[ip, user]')).toThrow();
  });
});

describe('JSON', () => {
  const event = JSON.stringify({
    eventType: 'UpdateTrail',
    sourceIPAddress: '111.111.111.111',
    arrayKey: ['value', 'another value'],
    objectList: [
      { name: 'a', id: 1 },
      { name: 'b', id: 2 },
    ],
    SomeObject: null,
  });
  it.each([
    ['{ $.eventType = "UpdateTrail" }', true],
    ['{ $.eventType = "Trail" }', false],
    ['{ $.eventType = "*Trail" }', true],
    ['{ $.eventType = "Update*" }', true],
    ['{ $.eventType = "*date*" }', true],
    ['{ $.sourceIPAddress != 123.123.* }', true],
    ['{ $.arrayKey[0] = "value" }', true],
    ['{ $.objectList[1].id = 2 }', true],
    ['{ $.objectList[1].id > 1 }', true],
    ['{ $.objectList[1].id > 2 }', false],
    ['{ $.arrayKey = "value" }', false],
    ['{ $.arrayKey != "value" }', false],
    ['{ $.absent != "value" }', false],
    ['{ $.eventType = "UpdateTrail" && $.objectList[0].name = "b" }', false],
    ['{ $.eventType = "nothing" && $.objectList[0].name = "b" || $.arrayKey[1] = "another value" }', true],
  ])('%s: %s', (pattern, expected) => {
    expect(compileFilterPattern(pattern)(event)).toBe(expected);
  });
  it('text is no JSON', () => expect(matching('{ $.eventType = "UpdateTrail" }')).toEqual([]));
});
