/** Draws what computes: views, functions, triggers, rules, types. */
import type { Drawn } from './drawn';

export async function view(drawn: Drawn): Promise<boolean> {
  const { random } = drawn;
  const sql = drawn.named();
  const table = random.of(drawn.tables);
  const from = random.onceIn(3) && drawn.views.length > 0 ? random.of(drawn.views) : table.sql;
  const column = from === table.sql ? random.of(table.columns).name : '*';
  const other = random.of(drawn.tables);
  const query = random.of([
    `SELECT * FROM ${from}`,
    `SELECT ${column} FROM ${from}`,
    `SELECT count(*) AS n FROM ${from} a`,
    `SELECT a.id, row_number() OVER (ORDER BY a.id) FROM ${from} a LEFT JOIN ${other.sql} b USING (id)`,
    `WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 3) SELECT i, (SELECT max(id) FROM ${from}) FROM r`,
    `SELECT id FROM ${from} UNION SELECT id FROM ${other.sql}`,
    `SELECT id, count(*) FROM ${table.sql} GROUP BY id`,
    ...(from === table.sql && table.keys.some((key) => key.join() === 'id')
      ? [`SELECT a.id, a.${column} FROM ${from} a GROUP BY a.id`]
      : []),
    ...drawn.functions.map((each) => `SELECT ${each}(id) AS f FROM ${from}`),
  ]);
  const invoker = drawn.major >= 15 ? 'invoker' : 'barrier';
  const form = random.of(['VIEW', 'VIEW', 'VIEW', 'MATERIALIZED VIEW', 'checked', 'barrier', invoker]);
  const made = await drawn.attempt(
    form === 'checked'
      ? `CREATE VIEW ${sql} AS ${query} WITH CHECK OPTION`
      : form === 'barrier' || form === 'invoker'
        ? `CREATE VIEW ${sql} WITH (security_${form}) AS ${query}`
        : `CREATE ${form} ${sql} AS ${query}${form === 'MATERIALIZED VIEW' && random.onceIn(3) ? ' WITH NO DATA' : ''}`,
  );
  if (made) drawn.views.push(sql);
  if (made && form === 'MATERIALIZED VIEW' && random.onceIn(2))
    await drawn.attempt(`CREATE ${random.onceIn(2) ? 'UNIQUE ' : ''}INDEX ON ${sql} (id)`);
  return made;
}

export async function routine(drawn: Drawn): Promise<boolean> {
  const { random } = drawn;
  const sql = random.onceIn(4) && drawn.functions.length > 0 ? random.of(drawn.functions) : drawn.named();
  const table = random.of(drawn.tables).sql;
  const body = random.of(['SELECT n + 1', ...drawn.functions.map((each) => `SELECT ${each}(n)`)]);
  const kind = random.below(8);
  if (kind <= 1) {
    const made = await drawn.attempt(
      `CREATE FUNCTION ${sql}(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ ${body} $$`,
    );
    if (made) drawn.functions.push(sql);
    return made;
  }
  if (kind === 2) {
    const made = await drawn.attempt(
      `CREATE FUNCTION ${sql}() RETURNS trigger LANGUAGE plpgsql${random.onceIn(2) ? ' SECURITY DEFINER SET search_path = public' : ''} AS $$ BEGIN RETURN NEW; END $$`,
    );
    if (made) drawn.triggerFunctions.push(sql);
    return made;
  }
  return drawn.attempt(
    [
      `CREATE FUNCTION ${sql}(n text, m int DEFAULT 3, VARIADIC r int[] DEFAULT '{}') RETURNS TABLE (a int, b text) LANGUAGE sql STABLE AS $$ SELECT 1, n $$`,
      `CREATE FUNCTION ${sql}() RETURNS SETOF ${table} LANGUAGE sql AS $$ SELECT * FROM ${table} $$`,
      `CREATE FUNCTION ${sql}(t ${table}) RETURNS int LANGUAGE sql AS $$ SELECT t.id $$`,
      `CREATE PROCEDURE ${sql}(INOUT n int) LANGUAGE plpgsql AS $$ BEGIN n := (SELECT count(*) FROM ${table}); END $$`,
      `CREATE AGGREGATE ${sql}(int) (SFUNC = ${drawn.functions.length > 0 && random.onceIn(2) ? 'int4pl' : 'int4mul'}, STYPE = int, INITCOND = '1')`,
      drawn.major >= 14
        ? `CREATE FUNCTION ${sql}(n bigint) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) + n FROM ${random.of([table, ...drawn.views])}; END`
        : `CREATE FUNCTION ${sql}(n ${random.of(drawn.types)}) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'`,
    ][random.below(6)]!,
  );
}

export async function trigger(drawn: Drawn): Promise<boolean> {
  const { random } = drawn;
  if (drawn.triggerFunctions.length === 0) return false;
  const table = random.of(drawn.tables);
  const column = random.of(table.columns).name;
  const on = random.onceIn(5) && drawn.views.length > 0 ? random.of(drawn.views) : table.sql;
  const form =
    on === table.sql
      ? random.of([
          `BEFORE INSERT OR UPDATE OF ${column} ON ${on} FOR EACH ROW`,
          `AFTER DELETE ON ${on} REFERENCING OLD TABLE AS gone FOR EACH STATEMENT`,
          `BEFORE UPDATE ON ${on} FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*)`,
          `AFTER TRUNCATE ON ${on} FOR EACH STATEMENT`,
        ])
      : `INSTEAD OF INSERT ON ${on} FOR EACH ROW`;
  const name = drawn.name();
  const constraint = on === table.sql && random.onceIn(5);
  const made = await drawn.attempt(
    constraint
      ? `CREATE CONSTRAINT TRIGGER ${name} AFTER INSERT ON ${on} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${random.of(drawn.triggerFunctions)}()`
      : `CREATE TRIGGER ${name} ${form} EXECUTE FUNCTION ${random.of(drawn.triggerFunctions)}(${random.of(['', "'a', 'b''c'"])})`,
  );
  if (made && random.onceIn(4))
    await drawn.attempt(
      `ALTER TABLE ${on} ${random.of(['DISABLE', 'ENABLE ALWAYS', 'ENABLE REPLICA'])} TRIGGER ${name}`,
    );
  return made;
}

export function rule(drawn: Drawn): Promise<boolean> {
  const table = drawn.random.of(drawn.tables).sql;
  return drawn.attempt(
    `CREATE RULE ${drawn.name()} AS ON ${drawn.random.of(['DELETE', 'INSERT', 'UPDATE'])} TO ${drawn.random.of([table, ...drawn.views])} DO ${drawn.random.of(['INSTEAD NOTHING', 'ALSO NOTIFY changed'])}`,
  );
}

export async function type(drawn: Drawn): Promise<boolean> {
  const sql = drawn.named();
  const base = drawn.random.of(drawn.types);
  const made = await drawn.attempt(
    drawn.random.of([
      `CREATE TYPE ${sql} AS ENUM ('one', 'two''s', 'three')`,
      `CREATE TYPE ${sql} AS (a ${base}, b text)`,
      `CREATE DOMAIN ${sql} AS ${base}${drawn.random.onceIn(2) ? ' CHECK (VALUE IS NOT NULL)' : ''}`,
      `CREATE DOMAIN ${sql} AS int CONSTRAINT positive CHECK (VALUE > 0)${drawn.random.onceIn(3) ? ' CHECK (VALUE < 10)' : ''}${drawn.random.onceIn(3) ? ' DEFAULT 5' : ''}`,
      `CREATE TYPE ${sql} AS RANGE (subtype = int)`,
    ]),
  );
  if (made) drawn.types.push(sql, `${sql}[]`);
  return made;
}
