/** Errors in the words of an application's log. */
import { describe, expect, it } from 'vitest';
import { readApplicationEvent } from '../../../lambda/page/logs/application-lines';
import type { LogEvent } from '../../../lambda/page/logs/error-reader';

describe('an application’s lines', () => {
  const message = 'null value in column "id" of relation "orders" violates not-null constraint';
  it.each([
    `error: ${message}\n    at Parser.parseErrorMessage`,
    `ERROR: ${message} (SQLSTATE 23502) CANARY`,
    JSON.stringify({ msg: message, row: 'CANARY' }),
  ])('text: %s', (text) => {
    const error = readApplicationEvent(
      { message: text, logGroup: '/app', timestampMs: 5 },
      { format: 'text' },
    );
    expect(error).toMatchObject({
      signature: 'not-null',
      names: { table: 'orders', column: 'id' },
      logGroup: '/app',
    });
    expect(JSON.stringify(error)).not.toContain('CANARY');
  });
  it.each([
    // What pino writes: the message, and once more in the stack.
    [
      JSON.stringify({
        level: 50,
        err: { message, stack: `error: ${message}\n    at Parser` },
        msg: message,
      }),
    ],
    // A document inside a document.
    [JSON.stringify({ log: JSON.stringify({ msg: message, name: 'CANARY', again: message }) })],
    [`${message}; retried: ${message} "CANARY" violates not-null constraint`],
    [`null value in column of "CANARY"; ${message}`],
  ])('the first mention, and no further: %s', (text) => {
    const error = readApplicationEvent({ message: text }, { format: 'text' });
    expect(error).toMatchObject({ message, names: { table: 'orders', column: 'id' } });
    expect(JSON.stringify(error)).not.toContain('CANARY');
  });
  it.each([
    'null value in column "id" of relation "orders"; name="CANARY" violates not-null constraint',
    'null value in column "id"; name="CANARY" violates not-null constraint',
    'null value in column "id" of relation "orders"\n "CANARY" violates not-null constraint',
    'constraint "CANARY" for table orders, user "x" does not exist',
  ])('nothing is taken from between two of our phrases: %s', (text) =>
    expect(readApplicationEvent({ message: text }, { format: 'text' })).toBeNull(),
  );
  it('JSON', () => {
    const format = {
      format: 'json',
      sqlstate: '$.errors[0].code',
      message: "$.errors[0].['db.message']",
    } as const;
    const line = (code: string, text: string): LogEvent => ({
      message: JSON.stringify({ errors: [{ code, 'db.message': text }], row: 'CANARY' }),
    });
    expect(readApplicationEvent(line('23502', message), format)).toMatchObject({ message });
    expect(readApplicationEvent(line('P0001', message), format)).toBeNull();
    expect(readApplicationEvent(line('23502', 'something else'), format)).toBeNull();
    expect(readApplicationEvent({ message: 'no JSON' }, format)).toBeNull();
    expect(
      readApplicationEvent(
        line('42883', 'operator does not exist: uuid = character varying LINE 1: CANARY'),
        format,
      ),
    ).toMatchObject({ names: { left: 'uuid', right: 'character varying' } });
  });

  it('when, and where', () => {
    const plain = { database: '', user: '', statement: null, zone: null };
    const read = (event: Partial<LogEvent>) =>
      readApplicationEvent({ message, ...event }, { format: 'text' });
    expect(read({})).toMatchObject({ ...plain, logGroup: '', timeMs: 0, ingestedMs: 0 });
    expect(read({ timestampMs: 5 })).toMatchObject({ timeMs: 5, ingestedMs: 5 });
    expect(read({ timestampMs: 5, ingestedMs: 7, logGroup: 'g' })).toMatchObject({
      ...plain,
      logGroup: 'g',
      timeMs: 5,
      ingestedMs: 7,
    });
  });
  it.each([
    ['$.code', { code: '23502', text: message }, true],
    ['$.a[12].code', { a: [...Array(12).fill(0), { code: '23502' }], text: message }, true],
    ['$.a-b.c_d', { 'a-b': { c_d: '23502' }, text: message }, true],
    ['$.code', { code: 23502, text: message }, false],
    ['$.code', { text: message }, false],
    ['$.a.code', { a: null, text: message }, false],
    ['$.a.length', { a: '23502', text: message }, false],
    ['$.code', { code: '23502', text: [message] }, false],
    ['$.code', { code: '23502' }, false],
    ['$.code', null, false],
    ['$.code', 'text', false],
  ])('the SQLSTATE of %s in %j', (sqlstate, document, found) => {
    const format = { format: 'json', sqlstate, message: '$.text' } as const;
    const error = readApplicationEvent({ message: JSON.stringify(document) }, format);
    expect(error !== null).toBe(found);
  });
});
