import { describe, expect, test } from 'vitest';
import type { TenantListLimits } from '../../lambda/contract/fleet';
import { detectFormat, ListError, MAX_TENANTS, parseEntries } from '../../lambda/fleet/entries';
import { matchesPattern } from '../../lambda/fleet/pattern';
import {
  assertListSize,
  buildTenantNamespace,
  MAX_LIST_BYTES,
  readTenantList,
} from '../../lambda/fleet/tenant-list';

const problems = (text: string, format: 'json' | 'jsonl' | 'csv', database?: string): string[] => {
  try {
    readTenantList(text, format, database === undefined ? {} : { database });
  } catch (error) {
    if (error instanceof ListError) return error.message.split('\n');
    throw error;
  }
  return [];
};
const NASTY = `a "b", 'c' é\\`;

describe('the same list in each form', () => {
  const expected = [
    { name: 'acme', database: 'shop', schema: 'acme' },
    { name: 'odd', database: NASTY, schema: NASTY },
    { name: 'whole', database: 'one' },
  ];
  test.each([
    ['json', JSON.stringify(expected)],
    ['json', JSON.stringify(expected, null, 2)],
    ['json', `\ufeff${JSON.stringify(expected)}\n`],
    ['jsonl', expected.map((each) => JSON.stringify(each)).join('\n')],
    ['jsonl', `${expected.map((each) => JSON.stringify({ schema: null, ...each })).join('\r\n\r\n')}\r\n`],
    [
      'csv',
      ['name,database,schema', 'acme,shop,acme', `odd,${csv(NASTY)},${csv(NASTY)}`, 'whole,one,'].join('\n'),
    ],
    [
      'csv',
      [
        'schema,name,database',
        '"acme","acme","shop"',
        `${csv(NASTY)},odd,${csv(NASTY)}`,
        ',whole,one',
        '',
      ].join('\r\n'),
    ],
  ] as const)('%s %#', (format, text) => {
    expect(readTenantList(text, format)).toEqual(expected);
  });
});

function csv(value: string): string {
  return `"${value.replaceAll('"', '""')}"`;
}

test.each([
  ['t.json', '', 'json'],
  ['t.JSONL', '', 'jsonl'],
  ['t.ndjson', '', 'jsonl'],
  ['t.csv', '[', 'csv'],
  ['-', ' [{', 'json'],
  ['-', '{"name"', 'jsonl'],
  ['list', 'name,database', 'csv'],
  ['json', '{"name"', 'jsonl'],
  ['t.json.gz', '[', 'json'],
] as const)('%s %j is %s', (name, text, format) => {
  expect(detectFormat(name, text)).toBe(format);
});

test('entries know their line, in an array and in records of several lines', () => {
  const at = (text: string, format: 'json' | 'csv') =>
    parseEntries(text, format).entries.map(({ line }) => line);
  expect(at('[\n {"name":"a, [b"},\n\n {"x":\n["]"]}, {}\n]', 'json')).toEqual([2, 4, 5]);
  expect(at('name,schema\na,"two\nlines"\nb,c\n', 'csv')).toEqual([2, 4]);
});

describe('one clear sentence for each fault, with its line', () => {
  test.each<[string, 'json' | 'jsonl' | 'csv', string[]]>([
    ['', 'json', ['it is not a JSON array of tenants']],
    ['[]', 'json', ['it has no tenants']],
    ['', 'jsonl', ['it has no tenants']],
    ['', 'csv', ['it has no tenants']],
    ['name,database', 'csv', ['it has no tenants']],
    ['{"name":"a"}', 'json', ['it is not a JSON array of tenants']],
    ['[{"name":"a","database":"a"},\n{"name":"b","database":}]', 'json', ['line 2: it is not valid JSON']],
    ['[{"name":"a","database":"a"},]', 'json', ['line 1: it is not valid JSON']],
    ['\u0000\u0001PK', 'jsonl', ['line 1: it is not valid JSON']],
    ['"acme"', 'jsonl', ['line 1: it is not an object with the fields of a tenant']],
    [
      '{"name":"a","database":"d","shema":"s"}',
      'jsonl',
      ['line 1: "shema" is not a field of a tenant; the fields are name, database, schema, server, secret'],
    ],
    [
      'name,shema\na,b',
      'csv',
      ['line 1: "shema" is not a field of a tenant; the fields are name, database, schema, server, secret'],
    ],
    ['acme,shop', 'csv', ['line 1: the first line of a CSV file names its columns, and none is `name`']],
    ['name,database\na', 'csv', ['line 2: it has 1 fields, and the header has 2']],
    ['name,database\na,"b', 'csv', ['line 2: unterminated quote']],
    ['name,database\na,"', 'csv', ['line 2: unterminated quote']],
    ['"name', 'csv', ['line 1: unterminated quote']],
    ['null', 'jsonl', ['line 1: it is not an object with the fields of a tenant']],
    ['x,{"name":"a"}]', 'json', ['it is not a JSON array of tenants']],
    ['[{"name":"a"}', 'json', ['it is not a JSON array of tenants']],
    ['[ \n ]', 'json', ['it has no tenants']],
    [
      '[{"name":"a \\"]","database":"d","schema":"pg_x"},{}]',
      'json',
      ['line 1: schema "pg_x" is not a tenant\'s schema', 'line 1: the tenant has no name'],
    ],
    [
      'name,database\nb,d,s\n,d\na,"b"c',
      'csv',
      [
        'line 2: it has 3 fields, and the header has 2',
        'line 3: the tenant has no name',
        'line 4: there is text after a closing quote',
      ],
    ],
    ...['trueup', 'information_schema'].map((schema): [string, 'jsonl', string[]] => [
      `{"name":"a","database":"d","schema":"${schema}"}`,
      'jsonl',
      [`line 1: schema "${schema}" is not a tenant's schema`],
    ]),
    [
      `{"${'x'.repeat(90)}":1}`,
      'jsonl',
      [
        `line 1: "${'x'.repeat(80)}" is not a field of a tenant; the fields are name, database, schema, server, secret`,
      ],
    ],
    [
      `{"name":"${'x'.repeat(79)}","database":"d"}`,
      'jsonl',
      [`line 1: the name "${'x'.repeat(76)}…" has 79 bytes; PostgreSQL truncates names to 63`],
    ],
    [
      `{"name":"${'x'.repeat(78)}","database":"d"}`,
      'jsonl',
      [`line 1: the name "${'x'.repeat(78)}" has 78 bytes; PostgreSQL truncates names to 63`],
    ],
    [
      'name,database,schema\na,d,s\nb,d,\nc,e,\nd,e,s',
      'csv',
      [
        'line 3: database "d" is one tenant as a whole and has tenants in its schemas, see line 2',
        'line 5: database "e" is one tenant as a whole and has tenants in its schemas, see line 4',
      ],
    ],
    ['name,database\na,"b"c\nd,e', 'csv', ['line 2: there is text after a closing quote']],
    ['{"database":"d"}', 'jsonl', ['line 1: the tenant has no name']],
    ['{"name":7,"database":"d"}', 'jsonl', ['line 1: the name is not a string']],
    ['{"name":"","database":"d"}', 'jsonl', ['line 1: the name is empty']],
    ['{"name":"a"}', 'jsonl', ['line 1: tenant "a" names no database, and the connection names none either']],
    [
      '{"name":"a\\u001b[2J","database":"d"}',
      'jsonl',
      ['line 1: the name "a\\u001b[2J" contains a control character'],
    ],
    [
      '{"name":"a","database":"d","schema":"pg_catalog"}',
      'jsonl',
      ['line 1: schema "pg_catalog" is not a tenant\'s schema'],
    ],
    [
      '{"name":"a","database":"d","schema":"$user"}',
      'jsonl',
      ['line 1: schema "$user" is not a tenant\'s schema'],
    ],
    [
      `{"name":"a","database":"d","schema":"${'é'.repeat(32)}"}`,
      'jsonl',
      [`line 1: the schema "${'é'.repeat(32)}" has 64 bytes; PostgreSQL truncates names to 63`],
    ],
    [
      'name,database,schema\na,d,s\nb,d,s\na,d,t\nc,d,\n',
      'csv',
      [
        'line 3: schema "s" of database "d" is already in line 2',
        'line 4: the name "a" is already in line 2',
        'line 5: database "d" is one tenant as a whole and has tenants in its schemas, see line 2',
      ],
    ],
  ])('%j', (text, format, expected) => {
    expect(problems(text, format)).toEqual(expected);
  });

  test('a database that only the connection names', () => {
    expect(readTenantList('{"name":"a","schema":"s"}', 'jsonl', { database: 'app' })).toEqual([
      { name: 'a', database: 'app', schema: 's' },
    ]);
    expect(problems('{"name":"a"}', 'jsonl', 'app')).toEqual([
      'line 1: tenant "a" names neither a database nor a schema',
    ]);
    expect(
      problems('{"name":"a","schema":"s"}\n{"name":"b","database":"app","schema":"s"}', 'jsonl', 'app'),
    ).toEqual(['line 2: schema "s" of database "app" is already in line 1']);
  });

  test('names that look like the server’s own, and are none; 63 bytes', () => {
    const name = 'x'.repeat(63);
    for (const tenant of [
      { name: 'pg_a', database: 'trueup', schema: 'my_pg_1' },
      { name, database: 'pg_b', schema: name },
    ])
      expect(readTenantList(JSON.stringify(tenant), 'jsonl')).toEqual([tenant]);
  });

  test('an empty line of CSV, spaces around its columns, and a byte order mark inside a text', () => {
    expect(readTenantList(' name , database\n\na,\ufeffd\n', 'csv')).toEqual([
      { name: 'a', database: '\ufeffd' },
    ]);
  });

  test('a database of its own, where the connection names another; and no field that was not given', () => {
    const [tenant] = readTenantList('{"name":"a","database":"x"}', 'jsonl', { database: 'app' });
    expect(tenant).toStrictEqual({ name: 'a', database: 'x' });
  });

  test('of several tenants in one database, the first is named', () => {
    expect(problems('name,database,schema\na,d,s\nb,d,t\nc,d,', 'csv')).toEqual([
      'line 4: database "d" is one tenant as a whole and has tenants in its schemas, see line 2',
    ]);
  });

  test('as large as allowed', () => expect(() => assertListSize(MAX_LIST_BYTES)).not.toThrow());

  test('too large, too many', () => {
    expect(() => assertListSize(300 * 1024 * 1024)).toThrow(
      'it has 300 MB; the maximum for a list of tenants is 32 MB',
    );
    const many = Array.from({ length: MAX_TENANTS + 1 }, (_, i) => `t${i},d${i}`).join('\n');
    expect(problems(`name,database\n${many}`, 'csv')).toEqual([`it has more than ${MAX_TENANTS} tenants`]);
  });

  /** What fits in the limit, and would be many millions of pieces. */
  const filled = (unit: string, before = '', after = '') =>
    before + unit.repeat((MAX_LIST_BYTES - before.length - after.length) / unit.length) + after;
  test.each<[string, 'json' | 'jsonl' | 'csv', () => string, string | RegExp]>([
    ['lines', 'jsonl', () => filled('1\n'), `it has more than ${MAX_TENANTS} tenants`],
    ['elements', 'json', () => filled('1,', '[', ']'), `it has more than ${MAX_TENANTS} tenants`],
    ['fields', 'csv', () => filled('a,', 'name\n'), /^line 2: it is too long for a tenant$/],
    ['one line', 'jsonl', () => filled('[', '{"name":'), /^line 1: it is too long for a tenant$/],
    ['one value', 'csv', () => filled('""', 'name\n"', '"'), /^line 2: it is too long for a tenant$/],
  ])('32 MB of %s are not taken apart', (_, format, make, expected) => {
    const text = make();
    expect(text.length).toBeGreaterThan(MAX_LIST_BYTES - 10);
    expect(parseEntries(text, format).entries.length).toBeLessThanOrEqual(MAX_TENANTS + 1);
    expect(problems(text, format).slice(0, 3)).toEqual([
      typeof expected === 'string' ? expected : expect.stringMatching(expected),
    ]);
  });
});

test('a hundred thousand tenants are read', () => {
  const list = Array.from(
    { length: MAX_TENANTS },
    (_, i) => `{"name":"t${i}","database":"d","schema":"s${i}"}`,
  );
  expect(readTenantList(list.join('\n'), 'jsonl')).toHaveLength(MAX_TENANTS);
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
      return readTenantList(JSON.stringify([{ name: 'a', ...tenant }]), 'json', {
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
    expect(problems('[{"name":"a","database":"template1"}]', 'json')).toEqual([
      'line 1: database "template1" belongs to the server, not to a tenant',
    ]);
    expect(problems('[{"name":"a","schema":"s"}]', 'json', 'postgres')).toEqual([]);
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
    expect(problems('[{"name":"a","database":"d","secret":"s"}]', 'json')).toEqual([
      'line 1: tenant "a" names a secret; here the connection determines the login',
    ]);
  });
});

describe('of a fleet with servers', () => {
  const read = (list: object[], servers: string[]) => {
    try {
      return readTenantList(JSON.stringify(list), 'json', { servers });
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
    expect(() => readTenantList(JSON.stringify([{ ...acme, server: 'main' }]), 'json')).toThrow(
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
      'line 1: the name "acme" is already in line 1',
    );
  });
});
