/** The catalog of a real server: every kind of object, whoever changes something meanwhile. */
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Catalog, OBJECT_KINDS } from '../../lambda/audit/catalog';
import { buildObjectKey, serializeDefinition } from '../../lambda/audit/catalog/compare';
import { readCatalog } from '../../lambda/audit/catalog/read';
import { ConnectionLostError, type Database } from '../../lambda/postgres/database';
import { asSuperuser, connect, createDatabase } from '../support/database';
import { dropRest, everyKind } from './every-kind';
import { attempts, disturbed, readOnly } from './support';

const READ = 'BEGIN';

export function catalogOf(major: number): void {
  const role = `audit_${major}_${process.pid}`;
  let client: Client;
  let db: Database;
  let catalog: Catalog;

  beforeAll(async () => {
    const url = await createDatabase(major);
    client = await connect(url);
    await client.query(everyKind(major, role));
    db = await readOnly(url);
    catalog = (await readCatalog(db)).catalog;
  });
  afterAll(async () => {
    await client.query(dropRest(role));
    await asSuperuser(major, `DROP ROLE "${role}"`);
  });

  test.each(Object.keys(OBJECT_KINDS) as (keyof Catalog)[])('there are %s', (kind) => {
    expect(catalog[kind].length).toBeGreaterThan(0);
  });

  const customer = { schema: 'shop', table: 'customers' };
  test.each<[keyof Catalog, object]>([
    ['settings', { inDatabase: true, name: 'search_path', value: 'shop, public' }],
    ['settings', { role, inDatabase: true, name: 'TimeZone', value: 'Europe/Berlin' }],
    ['types', { schema: 'shop', name: 'mood', kind: 'enum', labels: ['glad', 'calm', 'sad'] }],
    [
      'types',
      {
        schema: 'shop',
        name: 'money',
        kind: 'composite',
        attributes: [
          { name: 'amount', type: 'numeric(12,2)' },
          { name: 'currency', type: 'text' },
        ],
      },
    ],
    [
      'types',
      {
        schema: 'shop',
        name: 'email',
        kind: 'domain',
        base: 'character varying(80)',
        notNull: true,
        default: "'none'::character varying",
        checks: [{ name: 'has_at', definition: "CHECK (((VALUE)::text ~ '@'::text))" }],
        collation: '"C"',
      },
    ],
    [
      'sequences',
      {
        schema: 'shop',
        name: 'numbers',
        type: 'smallint',
        start: '10',
        increment: '-2',
        min: '-100',
        max: '100',
        cycle: true,
        cache: '5',
        usedBy: [{ ...customer, column: 'number' }],
      },
    ],
    [
      'sequences',
      {
        schema: 'shop',
        name: 'customers_id_seq',
        type: 'bigint',
        start: '1',
        increment: '1',
        min: '1',
        max: '9223372036854775807',
        cache: '1',
        ownedBy: { ...customer, column: 'id' },
        identity: true,
      },
    ],
    [
      'tables',
      {
        schema: 'shop',
        name: 'customers',
        kind: 'table',
        rowSecurity: true,
        rowSecurityForced: true,
        replicaIdentity: 'full',
        options: ['autovacuum_enabled=false', 'fillfactor=70'],
      },
    ],
    ['tables', { schema: 'shop', name: 'orders', kind: 'partitioned', partitionKey: 'LIST (region)' }],
    [
      'tables',
      {
        schema: 'shop',
        name: 'orders_eu',
        kind: 'table',
        partitionOf: { schema: 'shop', name: 'orders' },
        bound: "FOR VALUES IN ('eu')",
      },
    ],
    [
      'tables',
      {
        schema: 'shop',
        name: 'carts',
        kind: 'table',
        unlogged: true,
        inherits: [{ schema: 'shop', name: 'lines' }],
      },
    ],
    ['columns', { ...customer, name: 'id', type: 'bigint', notNull: true, identity: 'always' }],
    ['columns', { ...customer, name: 'name', type: 'text', collation: { schema: 'shop', name: 'german' } }],
    ['columns', { ...customer, name: 'feeling', type: 'shop.mood', default: "'glad'::shop.mood" }],
    ['columns', { ...customer, name: 'shouted', type: 'text', generated: 'upper((email)::text)' }],
    [
      'indexes',
      {
        ...customer,
        name: 'customers_email',
        definition:
          "CREATE UNIQUE INDEX customers_email ON shop.customers USING btree (lower((email)::text), id DESC) INCLUDE (name) WHERE (feeling = 'glad'::shop.mood)",
        method: 'btree',
        columns: ['lower((email)::text)', 'id'],
        include: ['name'],
        expressions: true,
        predicate: "(feeling = 'glad'::shop.mood)",
        unique: true,
      },
    ],
    [
      'constraints',
      {
        schema: 'shop',
        table: 'lines',
        name: 'lines_region_order_fkey',
        type: 'foreign key',
        definition: 'FOREIGN KEY (region, "order") REFERENCES shop.orders(region, id) ON DELETE CASCADE',
        columns: ['region', 'order'],
        references: { schema: 'shop', table: 'orders', columns: ['region', 'id'] },
      },
    ],
    [
      'constraints',
      {
        ...customer,
        name: 'customers_number_key',
        type: 'unique',
        definition: 'UNIQUE (number) DEFERRABLE INITIALLY DEFERRED',
        columns: ['number'],
        deferrable: true,
        initiallyDeferred: true,
      },
    ],
    [
      'triggers',
      {
        schema: 'shop',
        table: 'orders',
        name: 'asleep',
        definition:
          'CREATE TRIGGER asleep BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch()',
        function: { schema: 'shop', name: 'touch' },
        fires: 'never',
      },
    ],
    ['subscriptions', { name: role, publications: ['feed', 'other'], disabled: true }],
    [
      'foreignServers',
      {
        name: 'legacy',
        wrapper: 'postgres_fdw',
        options: ['application_name', 'dbname=shop', 'host=old.example.com'],
      },
    ],
    [
      'grants',
      {
        on: 'table',
        schema: 'shop',
        name: 'customers',
        grantee: role,
        privilege: 'SELECT',
        grantable: true,
      },
    ],
    [
      'grants',
      {
        on: 'function',
        schema: 'shop',
        name: 'touch',
        signature: '',
        grantee: 'public',
        privilege: 'EXECUTE',
        revoked: true,
      },
    ],
    [
      'grants',
      {
        on: 'column',
        schema: 'shop',
        name: 'customers',
        column: 'email',
        grantee: role,
        privilege: 'UPDATE',
      },
    ],
    ['comments', { on: 'table column', object: 'shop.customers.email', comment: 'where bills go' }],
    ['others', { kind: 'operators', count: 1 }],
  ])('%s: %o', (kind, object) => {
    expect(catalog[kind]).toContainEqual(object);
  });

  test.each(Object.keys(OBJECT_KINDS) as (keyof Catalog)[])('no two %s have one name', (kind) => {
    const keys = catalog[kind].map((object) => buildObjectKey(kind, object));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('definitions say every name with its schema', () => {
    const find = <T extends { name: string }>(objects: readonly T[], name: string): T =>
      objects.find((each) => each.name === name)!;
    expect(find(catalog.views, 'glad').definition).toContain('JOIN shop.orders o');
    expect(find(catalog.functions, 'touch')).toMatchObject({
      definition: expect.stringContaining('FUNCTION shop.touch()'),
      securityDefiner: true,
      settings: ['search_path=shop'],
    });
    expect(find(catalog.functions, 'sum_up')).toMatchObject({ kind: 'aggregate', signature: 'integer' });
    expect(find(catalog.policies, 'own')).toMatchObject({
      command: 'UPDATE',
      restrictive: true,
      check: expect.stringContaining('shop.customers c'),
    });
    if (major >= 14) expect(find(catalog.functions, 'atomic').definition).toContain('FROM shop.orders');
  });

  test('the columns of a table are in its own order', () => {
    const names = catalog.columns.filter(({ table }) => table === 'customers').map(({ name }) => name);
    expect(names).toEqual(['id', 'email', 'name', 'feeling', 'number', 'shouted', 'secret']);
  });

  test('nothing of an extension, of the server or of Trueup', async () => {
    expect(catalog.functions.map(({ schema }) => schema).filter((name) => name !== 'shop')).toEqual([]);
    expect(catalog.types.map(({ name }) => name)).toEqual(['email', 'money', 'mood', 'span']);
    expect(catalog.others).toEqual([{ kind: 'operators', count: 1 }]);
    await client.query(
      `CREATE SCHEMA trueup; CREATE TABLE trueup.t (id serial PRIMARY KEY); COMMENT ON TABLE trueup.t IS 'x';
       CREATE TEMPORARY TABLE fleeting (id serial PRIMARY KEY); COMMENT ON COLUMN fleeting.id IS 'x'`,
    );
    // Roles are the server's: another test may make one meanwhile.
    expect((await readCatalog(db)).catalog).toEqual({ ...catalog, roles: expect.anything() });
    await client.query('DROP SCHEMA trueup CASCADE; DROP TABLE fleeting');
  });

  test('it is the same whatever the OIDs, the physical columns and the settings of the role are', async () => {
    const schema = `CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE TABLE t (a int DEFAULT f(), b timestamptz DEFAULT '2020-01-01 00:00Z', c interval DEFAULT '1 day 2 hours', UNIQUE (a, b));
      CREATE VIEW v AS SELECT a, b FROM t WHERE b > '2020-01-01 00:00Z'`;
    const [plain, other] = [await createDatabase(major), await createDatabase(major)];
    await (await connect(plain)).query(schema);
    const second = await connect(other);
    await second.query(`CREATE TABLE first (id serial); CREATE VIEW later AS SELECT 1 AS one;
      ${schema.replace('(a int', '(gone text, a int')}; ALTER TABLE t DROP gone; DROP TABLE first; DROP VIEW later;
      DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = public', current_database());
        EXECUTE format('ALTER DATABASE %I SET TimeZone = %L', current_database(), 'Asia/Tokyo');
        EXECUTE format('ALTER DATABASE %I SET IntervalStyle = iso_8601', current_database());
        EXECUTE format('ALTER DATABASE %I SET quote_all_identifiers = on', current_database());
      END $$`);
    const read = async (url: string) => {
      const { database, settings, ...objects } = (await readCatalog(await readOnly(url))).catalog;
      return objects;
    };
    const [left, right] = [await read(other), await read(plain)];
    expect(left).toEqual(right);
    const described = ({ columns, views }: typeof left) => [
      ...columns.map((object) => [buildObjectKey('columns', object), serializeDefinition('columns', object)]),
      ...views.map((object) => [buildObjectKey('views', object), serializeDefinition('views', object)]),
    ];
    expect(described(left)).toEqual(described(right));
    expect(described(left)[0]).toEqual([
      '["public","t","a"]',
      '[["type","integer"],["default","public.f()"]]',
    ]);
  });

  test('no relation of the application is locked when all is read', async () => {
    const LOCKED = `SELECT c.relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
      WHERE l.pid = $1 AND c.relnamespace <> 'pg_catalog'::regnamespace`;
    const [me] = await db.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const seen: string[][] = [];
    const look = async () => {
      seen.push((await client.query(LOCKED, [me!.pid])).rows.map((row) => row.relname));
    };
    // Before what follows a page of views, and before the transaction ends.
    await readCatalog(disturbed(db, 'ROLLBACK TO', look).db);
    await readCatalog(disturbed(db, 'pg_identify_object', look).db);
    expect(seen[0]!.sort()).toEqual(expect.arrayContaining(['customers', 'orders']));
    expect(seen[1]).toEqual([]);
  });

  describe('somebody changes the schema meanwhile', () => {
    beforeAll(async () => {
      await client.query(`CREATE SCHEMA moving; CREATE TABLE moving.t (id int PRIMARY KEY, b int);
        CREATE VIEW moving.v AS SELECT id FROM moving.t`);
    });
    afterAll(async () => {
      await client.query('DROP SCHEMA moving CASCADE');
    });
    const namesIn = ({ catalog }: { catalog: Catalog }, kind: 'tables' | 'views' | 'indexes') =>
      catalog[kind].filter(({ schema }) => schema === 'moving').map(({ name }) => name);

    test('a view is dropped: all is read again', async () => {
      const moving = disturbed(db, 'pg_get_viewdef', () => client.query('DROP VIEW moving.v'));
      const read = await readCatalog(moving.db);
      expect(read.moved).toBe(false);
      expect(namesIn(read, 'views')).toEqual([]);
      expect(attempts(moving.sent, 'pg_get_viewdef')).toBeGreaterThan(1);
    });

    test('a table is renamed: nobody sees its index under one name and it under another', async () => {
      const moving = disturbed(db, 'pg_get_indexdef', () =>
        client.query('ALTER TABLE moving.t RENAME TO renamed'),
      );
      const read = await readCatalog(moving.db);
      expect(read.moved).toBe(false);
      expect(namesIn(read, 'tables')).toEqual(['renamed']);
      expect(read.catalog.indexes.find(({ schema }) => schema === 'moving')).toMatchObject({
        table: 'renamed',
        definition: expect.stringContaining('ON moving.renamed'),
      });
      expect(attempts(moving.sent, READ)).toBe(4);
    });

    test('an index is dropped', async () => {
      const moving = disturbed(db, 'pg_get_indexdef', () =>
        client.query('ALTER TABLE moving.renamed DROP CONSTRAINT t_pkey'),
      );
      expect(namesIn(await readCatalog(moving.db), 'indexes')).toEqual([]);
    });

    test('it changes each time: that is said', async () => {
      let n = 0;
      const again = () => client.query(`ALTER TABLE moving.renamed ADD c${n++} int`);
      const moving = disturbed(db, 'pg_identify_object', again, 3);
      expect((await readCatalog(moving.db)).moved).toBe(true);
      expect(attempts(moving.sent, 'pg_identify_object')).toBe(3);
    });

    test('what cannot be read any more is no answer', async () => {
      let n = 0;
      const again = () =>
        client.query(`DROP VIEW IF EXISTS moving.v${n}; CREATE VIEW moving.v${++n} AS SELECT 1 AS one`);
      await again();
      const moving = disturbed(db, 'pg_get_viewdef', again, 3);
      await expect(readCatalog(moving.db)).rejects.toMatchObject({
        info: { code: 'busy', message: 'the schema could not be read: it changed each time' },
      });
    });

    test('a lock is not waited for', async () => {
      const url = await createDatabase(major);
      const holder = await connect(url);
      await holder.query('CREATE TABLE t (id int); CREATE VIEW v AS SELECT id FROM t');
      await holder.query('BEGIN; LOCK TABLE t');
      await expect(readCatalog(await readOnly(url))).rejects.toMatchObject({
        info: {
          code: 'busy',
          message: 'the schema could not be read: another session holds a lock on one of its tables',
          sqlstate: '55P03',
        },
      });
      await holder.query('COMMIT');
    });

    test('the connection is lost', async () => {
      const own = await readOnly(await createDatabase(major));
      const [me] = await own.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const killed = disturbed(own, 'pg_get_viewdef', () =>
        client.query('SELECT pg_terminate_backend($1)', [me!.pid]),
      );
      await expect(readCatalog(killed.db)).rejects.toBeInstanceOf(ConnectionLostError);
    });
  });
}
