import { describe, expect, it } from 'vitest';
import { parseServerError, translateDataApiError } from '../../../lambda/postgres/data-api/errors';
import { ConnectionLostError, SqlError } from '../../../lambda/postgres/database';

const thrown = (name: string, message: string) => Object.assign(new Error(message), { name });

describe('data-api-errors', () => {
  // Messages as people have published them.
  it.each([
    [
      'ERROR: permission denied for schema public; Position: 14; SQLState: 42501',
      { message: 'permission denied for schema public', sqlstate: '42501', position: 13, fatal: false },
    ],
    [
      'ERROR: op ANY/ALL (array) requires array on right side\n  Position: 464; SQLState: 42809',
      {
        message: 'op ANY/ALL (array) requires array on right side',
        sqlstate: '42809',
        position: 463,
        fatal: false,
      },
    ],
    [
      'ERROR: duplicate key value violates unique constraint "t_pkey"\n  Detail: Key (mail)=(x; SQLState: 42P01) already exists.; SQLState: 23505',
      { message: 'duplicate key value violates unique constraint "t_pkey"', sqlstate: '23505', fatal: false },
    ],
    [
      'ERROR: deadlock detected\n  Detail: Process 82 waits for ShareLock on transaction 755; blocked by process 83.\nProcess 83 waits.\n  Hint: See server log for query details.\n  Where: while updating tuple (0,2) in relation "parent"; SQLState: 40P01',
      { message: 'deadlock detected', sqlstate: '40P01', fatal: false },
    ],
    [
      'FATAL: password authentication failed for user "postgres"; SQLState: 28P01',
      { message: 'password authentication failed for user "postgres"', sqlstate: '28P01', fatal: true },
    ],
    [
      'ERROR: 2\nfirst; SQLState: nothing\nHint: of the author; SQLState: TU001',
      { message: '2\nfirst; SQLState: nothing\nHint: of the author', sqlstate: 'TU001', fatal: false },
    ],
  ])('reads %s', (text, expected) => {
    expect(parseServerError(text)).toEqual(expected);
  });

  it('takes nothing else for an error of the server', () => {
    expect(parseServerError("Multistatements aren't supported.")).toBeNull();
    expect(parseServerError('ERROR: without a state')).toBeNull();
  });

  it.each([
    ['AccessDeniedException', 'AccessDeniedException'],
    ['SecretsErrorException', 'SecretsErrorException'],
    ['HttpEndpointNotEnabledException', 'HttpEndpointNotEnabledException'],
    ['DatabaseResumingException', '08001'],
    ['TransactionNotFoundException', '08003'],
    ['InternalServerErrorException', '08006'],
    ['TimeoutError', 'ETIMEDOUT'],
    ['SomethingNew', 'SomethingNew'],
  ])('says of %s that the connection is lost, and why', (name, reason) => {
    const error = translateDataApiError(thrown(name, 'words'));
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect((error as ConnectionLostError).reason).toBe(reason);
    expect(error.message).toContain('words');
  });

  it.each([
    ['BadRequestException', 'ERROR: nope; SQLState: 42P01', '42P01'],
    ['DatabaseErrorException', 'ERROR: nope; SQLState: 42P01', '42P01'],
    ['StatementTimeoutException', 'Request timed out', '57014'],
    ['UnsupportedResultException', 'The result contains the unsupported data type oid', '0A000'],
    ['ValidationException', "Multistatements aren't supported.", '42601'],
  ])('says of %s that the statement failed', (name, message, sqlstate) => {
    const error = translateDataApiError(thrown(name, message));
    expect(error).toBeInstanceOf(SqlError);
    expect((error as SqlError).sqlstate).toBe(sqlstate);
  });

  it('knows a session that the server ended', () => {
    const error = translateDataApiError(
      thrown(
        'DatabaseErrorException',
        'FATAL: terminating connection due to administrator command; SQLState: 57P01',
      ),
    );
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect((error as ConnectionLostError).reason).toBe('57P01');
  });
});
