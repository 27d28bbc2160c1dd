/** Every sample's execution class, and whether it needs consent. */
import { describe, expect, test } from 'vitest';
import { FIXTURE, IN_TRANSACTION, OUTSIDE } from '../samples';
import { CONSENT, compile, file } from '../support';

describe('what is known of a statement beforehand', () => {
  test.each([...IN_TRANSACTION, ...OUTSIDE])('$sql', async ({ sql, execution, destroys, rewrites }) => {
    const { migrations } = await compile({
      '0001_fixture.sql': CONSENT + file(FIXTURE),
      '0002_sample.sql': CONSENT + file(sql),
    });
    const [statement] = migrations[1]!.statements;
    expect({
      execution: statement!.execution,
      destroys: statement!.destroys !== null,
      rewrites: statement!.rewrites !== null,
    }).toEqual({
      execution: execution ?? 'transaction',
      destroys: destroys ?? false,
      rewrites: rewrites ?? false,
    });
  });
});
