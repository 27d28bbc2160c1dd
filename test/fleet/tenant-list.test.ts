import { describe, expect, test } from 'vitest';
import type { TenantListLimits } from '../../lambda/contract/fleet';
import { ListError, MAX_TENANTS, parseEntries } from '../../lambda/fleet/entries';
import { matchesPattern } from '../../lambda/fleet/pattern';
import {
  assertListSize,
  buildTenantNamespace,
  MAX_LIST_BYTES,
  readTenantList,
} from '../../lambda/fleet/tenant-list';

const problems = (text: string, database?: string): string[] => {
  try {
    readTenantList(text, database === undefined ? {} : { database });
  } catch (error) {
    if (error instanceof ListError) return error.message.split('\n');
    throw error;
  }
  return [];
};
const lines = (...tenants: readonly object[]): string =>
  tenants.map((tenant) => JSON.stringify(tenant)).join('\n');

describe('one tenant in each line', () => {
  const nasty = `a "b", 'c' é\\`;
  const expected = [
    { name: 'acme', database: 'shop', schema: 'acme' },
    { name: 'odd', database: nasty, schema: nasty },
    { name: 'whole', database: 'one' },
  ];
  test.each([
    ['as it is', lines(...expected)],
    ['with a byte order mark', `\ufeff${lines(...expected)}\n`],
    ['as Windows writes it', `${lines(...expected).replaceAll('\n', '\r\n\r\n')}\r\n`],
    ['with null for what is left out', lines(...expected.map((each) => ({ schema: null, ...each })))],
  ])('%s', (_, text) => {
    expect(readTenantList(text)).toEqual(expected);
  });

  test('entries have the number of their line', () => {
    expect(parseEntries('\n{"name":"a"}\n \n{"name":"b"}').map(({ line }) => line)).toEqual([2, 4]);
  });
});

describe('another format is refused, and its first tenant is shown as a line', () => {
  const acme = { name: 'acme', database: 'shop' };
  test.each<[string, string, string, object | null]>([
    ['an array', 'a JSON array', JSON.stringify([acme, { name: 'b', database: 'c' }]), acme],
    ['in several lines', 'a JSON array', `\ufeff\n${JSON.stringify([acme], null, 2)}`, acme],
    ['with braces in another field', 'a JSON array', JSON.stringify([{ x: 'a}"{', ...acme }]), acme],
    ['broken after its first tenant', 'a JSON array', `[${JSON.stringify(acme)},{`, acme],
    ['of texts', 'a JSON array', '["acme"]', null],
    ['empty', 'a JSON array', '[ ]', null],
    ['cut', 'a JSON array', '[{"name": "ac', null],
    ['of other objects', 'a JSON array', '[{"id": 7, "password": "hunter2"}]', null],
    ['of a name alone', 'a JSON array', '[{"name": "acme"}]', null],
    ['with a number', 'a JSON array', '[{"name": "acme", "database": 7}]', null],
    ['of another kind of key', 'a JSON array', '[{"__proto__": {"name": "a", "database": "b"}}]', null],
    [
      'with what a terminal interprets',
      'a JSON array',
      '[{"name": "\u009b31m\u202e", "database": "shop"}]',
      null,
    ],
    [
      'with a name that is too long',
      'a JSON array',
      JSON.stringify([{ ...acme, name: 'x'.repeat(64) }]),
      null,
    ],
    ['commas', 'CSV', 'name,database,schema\nacme,shop,\nb,c,\n', acme],
    [
      'with quotes',
      'CSV',
      '"schema";"name";"database"\r\n\r\n"a b";"acme";"shop"\r\n',
      { ...acme, schema: 'a b' },
    ],
    ['with tabs', 'CSV', 'database\tname\nshop\tacme', acme],
    ['with another spelling', 'CSV', 'Name,Database,E-Mail\nacme,shop,a@b.example', acme],
    ['without a tenant', 'CSV', 'name,database\n', null],
    ['with a column for a password', 'CSV', 'name,database,password\nacme,shop,hunter2', acme],
    ['with semicolons in a value', 'CSV', 'name,dsn,database\nacme,Server=db;Password=hunter2,shop', acme],
    ['with a comma in a value', 'CSV', 'name,dsn,database\nacme,Server=db,Password=hunter2,shop', null],
    ['with a line break in a value', 'CSV', 'name,database\n"ac\nme",shop', null],
  ])('%s', (_, format, text, first) => {
    const rest = first
      ? `the first line would be ${JSON.stringify(first)}`
      : 'for example {"name":"acme","database":"shop","schema":"acme"}';
    const [problem, ...more] = problems(text);
    expect(more).toEqual([]);
    // The fields are in the order in which the documentation has them.
    expect(problem).toBe(`it is ${format}; a list has one tenant per line, as JSON, ${rest}`);
  });
  test('a list of tenants is never taken for another format', () => {
    expect(readTenantList(lines({ name: 'name,database', database: '[,' }))).toHaveLength(1);
  });
  test('what is shown can be read', () => {
    const [, shown] = /would be (.*)$/.exec(problems('name,database\nacme,shop')[0]!)!;
    expect(readTenantList(shown!)).toEqual([acme]);
  });
});

describe('one clear sentence for each fault, with its line', () => {
  test.each<[string, string[]]>([
    ['', ['it has no tenants']],
    ['\u0000\u0001PK', ['line 1: it is not valid JSON']],
    ['acme,shop', ['line 1: it is not valid JSON']],
    ['{"name":"a","database":"a"}\n{"name":"b","database":}', ['line 2: it is not valid JSON']],
    [
      '{"name":"pg_x","database":"d","schema":"pg_x"}\n{}',
      ['line 1: schema "pg_x" is not a tenant\'s schema', 'line 2: the tenant has no name'],
    ],
    ['"acme"', ['line 1: it is not an object with the fields of a tenant']],
    [
      '{"name":"a","database":"d","shema":"s"}',
      ['line 1: "shema" is not a field of a tenant; the fields are name, database, schema, server, secret'],
    ],
    ['null', ['line 1: it is not an object with the fields of a tenant']],
    ...['trueup', 'information_schema'].map((schema): [string, string[]] => [
      `{"name":"a","database":"d","schema":"${schema}"}`,
      [`line 1: schema "${schema}" is not a tenant's schema`],
    ]),
    [
      `{"${'x'.repeat(90)}":1}`,
      [
        `line 1: "${'x'.repeat(80)}" is not a field of a tenant; the fields are name, database, schema, server, secret`,
      ],
    ],
    [
      `{"name":"${'x'.repeat(79)}","database":"d"}`,
      [`line 1: the name "${'x'.repeat(76)}…" has 79 bytes; PostgreSQL truncates names to 63`],
    ],
    [
      `{"name":"${'x'.repeat(78)}","database":"d"}`,
      [`line 1: the name "${'x'.repeat(78)}" has 78 bytes; PostgreSQL truncates names to 63`],
    ],
    [
      lines(
        { name: 'a', database: 'd', schema: 's' },
        { name: 'b', database: 'd' },
        { name: 'c', database: 'e' },
        { name: 'd', database: 'e', schema: 's' },
      ),
      [
        'line 2: database "d" is one tenant as a whole and has tenants in its schemas, see line 1',
        'line 4: database "e" is one tenant as a whole and has tenants in its schemas, see line 3',
      ],
    ],
    ['{"database":"d"}', ['line 1: the tenant has no name']],
    ['{"name":7,"database":"d"}', ['line 1: the name is not a string']],
    ['{"name":"","database":"d"}', ['line 1: the name is empty']],
    [
      '{"x\u009b31m\u202e":1}',
      [
        'line 1: "x\\u009b31m\\u202e" is not a field of a tenant; the fields are name, database, schema, server, secret',
      ],
    ],
    ['{"name":"a\u009b","database":"d"}', ['line 1: the name "a\\u009b" contains a control character']],
    ['{"name":"a"}', ['line 1: tenant "a" names no database, and the connection names none either']],
    [
      '{"name":"a\\u001b[2J","database":"d"}',
      ['line 1: the name "a\\u001b[2J" contains a control character'],
    ],
    [
      '{"name":"a","database":"d","schema":"pg_catalog"}',
      ['line 1: schema "pg_catalog" is not a tenant\'s schema'],
    ],
    ['{"name":"a","database":"d","schema":"$user"}', ['line 1: schema "$user" is not a tenant\'s schema']],
    [
      `{"name":"a","database":"d","schema":"${'é'.repeat(32)}"}`,
      [`line 1: the schema "${'é'.repeat(32)}" has 64 bytes; PostgreSQL truncates names to 63`],
    ],
    [
      lines(
        { name: 'a', database: 'd', schema: 's' },
        { name: 'b', database: 'd', schema: 's' },
        { name: 'a', database: 'd', schema: 't' },
        { name: 'c', database: 'd' },
      ),
      [
        'line 2: schema "s" of database "d" is already in line 1',
        'line 3: the name "a" is already in line 1',
        'line 4: database "d" is one tenant as a whole and has tenants in its schemas, see line 1',
      ],
    ],
  ])('%j', (text, expected) => {
    expect(problems(text)).toEqual(expected);
  });

  test('a database that only the connection names', () => {
    expect(readTenantList('{"name":"a","schema":"s"}', { database: 'app' })).toEqual([
      { name: 'a', database: 'app', schema: 's' },
    ]);
    expect(problems('{"name":"a"}', 'app')).toEqual([
      'line 1: tenant "a" names neither a database nor a schema',
    ]);
    expect(problems('{"name":"a","schema":"s"}\n{"name":"b","database":"app","schema":"s"}', 'app')).toEqual([
      'line 2: schema "s" of database "app" is already in line 1',
    ]);
  });

  test('names that look like the server’s own, and are none; 63 bytes', () => {
    const name = 'x'.repeat(63);
    for (const tenant of [
      { name: 'pg_a', database: 'trueup', schema: 'my_pg_1' },
      { name, database: 'pg_b', schema: name },
    ])
      expect(readTenantList(JSON.stringify(tenant))).toEqual([tenant]);
  });

  test('a database of its own, where the connection names another; and no field that was not given', () => {
    const [tenant] = readTenantList('{"name":"a","database":"x"}', { database: 'app' });
    expect(tenant).toStrictEqual({ name: 'a', database: 'x' });
  });

  test('of several tenants in one database, the first is named', () => {
    const list = lines(
      { name: 'a', database: 'd', schema: 's' },
      { name: 'b', database: 'd', schema: 't' },
      { name: 'c', database: 'd' },
    );
    expect(problems(list)).toEqual([
      'line 3: database "d" is one tenant as a whole and has tenants in its schemas, see line 1',
    ]);
  });

  test('as large as allowed', () => expect(() => assertListSize(MAX_LIST_BYTES)).not.toThrow());

  test('too large, too many', () => {
    expect(() => assertListSize(300 * 1024 * 1024)).toThrow(
      'it has 300 MB; the maximum for a list of tenants is 32 MB',
    );
    const many = Array.from({ length: MAX_TENANTS + 1 }, (_, i) => ({ name: `t${i}`, database: `d${i}` }));
    expect(problems(lines(...many))).toEqual([`it has more than ${MAX_TENANTS} tenants`]);
  });

  /** What fits in the limit, and would be many millions of pieces. */
  const filled = (unit: string, before = '', after = '') =>
    before + unit.repeat((MAX_LIST_BYTES - before.length - after.length) / unit.length) + after;
  test.each<[string, () => string, string]>([
    ['lines', () => filled('1\n'), `it has more than ${MAX_TENANTS} tenants`],
    ['one line', () => filled('[', '{"name":'), 'line 1: it is too long for a tenant'],
    ['array', () => filled('1,', '[', ']'), 'it is a JSON array; a list has one tenant per line'],
    ['fields', () => filled('a,', 'name\n'), 'it is CSV; a list has one tenant per line'],
    ['header', () => filled('a,', 'name,'), 'it is CSV; a list has one tenant per line'],
  ])('32 MB of %s are not taken apart', (_, make, expected) => {
    const text = make();
    expect(text.length).toBeGreaterThan(MAX_LIST_BYTES - 10);
    const [problem, ...more] = problems(text);
    expect(problem).toContain(expected);
    expect(more).toEqual([]);
  });
});

test('a hundred thousand tenants are read', () => {
  const list = Array.from(
    { length: MAX_TENANTS },
    (_, i) => `{"name":"t${i}","database":"d","schema":"s${i}"}`,
  );
  expect(readTenantList(list.join('\n'))).toHaveLength(MAX_TENANTS);
});

test('the namespace is that of the folder, and the schema where there is one', () => {
  expect(buildTenantNamespace('app', { name: 'x', database: 'd' })).toBe('app');
  expect(buildTenantNamespace('app', { name: 'x', database: 'd', schema: 's' })).toBe('app/s');
});

test.each([
  ['*', 'anything', true],
  ['*', '', true],
  ['tenant_*', 'tenant_', true],
  ['tenant_*', 'tenants', false],
  ['tenant_?', 'tenant_é', true],
  ['tenant_?', 'tenant_', false],
  ['*_eu', 'a_eu_eu', true],
  ['*_eu', 'a_eu_us', false],
  ['a*b*c', 'abbbcc', true],
  ['a.c', 'abc', false],
  ['[a]', 'a', false],
  ['x', 'X', false],
  ['*a'.repeat(30), 'a'.repeat(63), true],
  [`${'*a'.repeat(30)}b`, 'a'.repeat(63), false],
])('pattern %s, %s: %s', (pattern, name, expected) => {
  expect(matchesPattern(pattern, name)).toBe(expected);
});

describe('within what the owner declared', () => {
  const read = (tenant: object, bounds: TenantListLimits) => {
    try {
      return readTenantList(JSON.stringify({ name: 'a', ...tenant }), {
        servers: ['main'],
        bounds,
      });
    } catch (error) {
      return (error as Error).message.replace(/^line 1: /, '');
    }
  };
  test.each(['postgres', 'rdsadmin', 'template0', 'template1'])(
    '%s is no tenant, whatever is allowed',
    (database) => {
      const expected = `database "${database}" belongs to the server, not to a tenant`;
      expect(read({ database }, { databases: ['*'] })).toBe(expected);
      expect(read({ database, schema: 's' }, {})).toBe(expected);
    },
  );
  test('for a connection of a person: neither a template nor rdsadmin', () => {
    expect(problems('{"name":"a","database":"template1"}')).toEqual([
      'line 1: database "template1" belongs to the server, not to a tenant',
    ]);
    expect(problems('{"name":"a","schema":"s"}', 'postgres')).toEqual([]);
  });
  test('databases', () => {
    const bounds = { databases: ['tenant_*', 'shop'] };
    for (const database of ['tenant_a', 'shop']) expect(read({ database }, bounds)).toHaveLength(1);
    for (const database of ['billing', 'Shop', 'shop2', 'xtenant_a'])
      expect(read({ database }, bounds)).toBe(
        `database "${database}" is not allowed in this fleet (databases: tenant_*, shop)`,
      );
  });
  test('secrets: of this prefix, by name; never an ARN, and none where no prefix is declared', () => {
    const tenant = { database: 'd' };
    const own = (prefix: Record<string, string>) =>
      read({ ...tenant, secret: 'acme/tenants/a' }, { secretPrefix: prefix });
    expect(own({ main: 'acme/tenants/' })).toMatchObject([{ secret: 'acme/tenants/a' }]);
    expect(own({ eu: 'acme/tenants/' })).toBe(
      'tenant "a" names a secret, and tenantSecrets has no prefix for the server main',
    );
    const bounds = { secretPrefix: 'acme/tenants/' };
    expect(read({ ...tenant, secret: 'acme/tenants/a' }, bounds)).toEqual([
      { name: 'a', ...tenant, server: 'main', secret: 'acme/tenants/a' },
    ]);
    for (const secret of ['acme/admin', 'acme/tenants/', 'x/acme/tenants/a'])
      expect(read({ ...tenant, secret }, bounds)).toBe(
        'tenant "a" names a secret that does not begin with acme/tenants/',
      );
    for (const secret of [
      'arn:aws:secretsmanager:eu-west-1:1:secret:acme/tenants/a',
      'acme/tenants/a b',
      '',
      7,
    ])
      expect(read({ ...tenant, secret }, bounds)).toBe(
        'tenant "a" names a secret with a name that is not valid',
      );
    expect(read({ ...tenant, secret: 'acme/tenants/a' }, {})).toBe(
      'tenant "a" names a secret, and the fleet declares no tenantSecrets',
    );
    expect(problems('{"name":"a","database":"d","secret":"s"}')).toEqual([
      'line 1: tenant "a" names a secret; here the connection determines the login',
    ]);
  });
});

describe('of a fleet with servers', () => {
  const read = (list: object[], servers: string[]) => {
    try {
      return readTenantList(lines(...list), { servers });
    } catch (error) {
      return (error as Error).message;
    }
  };
  const acme = { name: 'acme', database: 'acme' };
  test('each tenant names one of them, and need not where there is one', () => {
    expect(read([acme], ['main'])).toEqual([{ ...acme, server: 'main' }]);
    expect(read([{ ...acme, server: 'eu' }], ['main', 'eu'])).toEqual([{ ...acme, server: 'eu' }]);
    expect(read([acme], ['main', 'eu'])).toBe(
      'line 1: tenant "acme" names no server; the servers are main, eu',
    );
    expect(read([{ ...acme, server: 'db.evil.example' }], ['main', 'eu'])).toBe(
      'line 1: server "db.evil.example" is not in this fleet; the servers are main, eu',
    );
    expect(() => readTenantList(lines({ ...acme, server: 'main' }))).toThrow(
      'names a server; here the connection determines the server',
    );
  });
  test('the same place on two servers is two tenants; the same name is not', () => {
    const two = [
      { ...acme, server: 'main' },
      { ...acme, name: 'acme-eu', server: 'eu' },
    ];
    expect(read(two, ['main', 'eu'])).toEqual(two);
    expect(read([two[0]!, { ...two[0]!, server: 'eu' }], ['main', 'eu'])).toBe(
      'line 2: the name "acme" is already in line 1',
    );
  });
});
