/** Draws what belongs to something else: policies, grants, comments, sequences, publications, settings. */
import { quoteIdentifier as q } from '../../../lambda/sql/quote';
import type { Drawn } from './drawn';

export function policy(drawn: Drawn): Promise<boolean> {
  const { random } = drawn;
  const table = random.of(drawn.tables).sql;
  if (random.onceIn(2))
    return drawn.attempt(
      `ALTER TABLE ${table} ${random.of(['ENABLE', 'ENABLE', 'FORCE'])} ROW LEVEL SECURITY`,
    );
  const condition = random.of([
    'true',
    'id > 0',
    `id IN (SELECT id FROM ${random.of(drawn.tables).sql})`,
    ...drawn.functions.map((each) => `${each}(id) > 0`),
  ]);
  return drawn.attempt(
    `CREATE POLICY ${drawn.name()} ON ${table}${random.onceIn(3) ? ' AS RESTRICTIVE' : ''} ${random.of(['', 'FOR SELECT', 'FOR UPDATE', 'FOR DELETE'])} TO ${random.of(['PUBLIC', q(drawn.role)])} USING (${condition})`,
  );
}

export function grant(drawn: Drawn): Promise<boolean> {
  const { random } = drawn;
  const role = random.of(['PUBLIC', q(drawn.role)]);
  const table = random.of(drawn.tables);
  return drawn.attempt(
    random.of([
      `GRANT SELECT, INSERT ON ${random.of([table.sql, ...drawn.views])} TO ${role}`,
      `GRANT UPDATE (${random.of(table.columns).name}) ON ${table.sql} TO ${role}`,
      `GRANT USAGE ON SCHEMA ${random.of(drawn.schemas)} TO ${role}`,
      `GRANT SELECT ON ${table.sql} TO ${q(drawn.role)} WITH GRANT OPTION`,
      ...drawn.sequences.map((each) => `GRANT USAGE ON SEQUENCE ${each} TO ${role}`),
      ...drawn.functions.map((each) => `REVOKE EXECUTE ON FUNCTION ${each}(int) FROM PUBLIC`),
      ...drawn.functions.map((each) => `GRANT EXECUTE ON FUNCTION ${each}(int) TO ${role}`),
      `ALTER DEFAULT PRIVILEGES IN SCHEMA ${random.of(drawn.schemas)} GRANT SELECT ON TABLES TO ${role}`,
    ]),
  );
}

export function comment(drawn: Drawn): Promise<boolean> {
  const { random } = drawn;
  const table = random.of(drawn.tables);
  const words = random.of(["'plain'", "'it''s\n-- odd $$'"]);
  return drawn.attempt(
    random.of([
      `COMMENT ON TABLE ${table.sql} IS ${words}`,
      `COMMENT ON COLUMN ${table.sql}.${random.of(table.columns).name} IS ${words}`,
      ...drawn.views.map((each) => `COMMENT ON VIEW ${each} IS ${words}`),
      ...drawn.functions.map((each) => `COMMENT ON FUNCTION ${each}(int) IS ${words}`),
      ...drawn.sequences.map((each) => `COMMENT ON SEQUENCE ${each} IS ${words}`),
    ]),
  );
}

export async function sequence(drawn: Drawn): Promise<boolean> {
  const { random } = drawn;
  const sql = drawn.named();
  const made = await drawn.attempt(
    `CREATE SEQUENCE ${sql}${random.of(['', ' AS smallint', ' INCREMENT BY 10 START 100', ' CYCLE MAXVALUE 50', ' CACHE 7'])}`,
  );
  if (made) drawn.sequences.push(sql);
  const table = random.of(drawn.tables);
  if (made && random.onceIn(3))
    await drawn.attempt(`ALTER SEQUENCE ${sql} OWNED BY ${table.sql}.${random.of(table.columns).name}`);
  return made;
}

export function publication(drawn: Drawn): Promise<boolean> {
  const tables = drawn.random.of([
    drawn.random.of(drawn.tables).sql,
    `${drawn.random.of(drawn.tables).sql}, ${drawn.random.of(drawn.tables).sql}`,
  ]);
  return drawn.attempt(`CREATE PUBLICATION ${drawn.name()} FOR TABLE ${tables}`);
}

export function setting(drawn: Drawn): Promise<boolean> {
  const { random } = drawn;
  const table = random.of(drawn.tables);
  return drawn.attempt(
    random.of([
      `ALTER TABLE ${table.sql} REPLICA IDENTITY FULL`,
      `ALTER TABLE ${table.sql} SET (autovacuum_enabled = false)`,
      `ALTER TABLE ${table.sql} ALTER ${random.of(table.columns).name} SET DEFAULT NULL`,
    ]),
  );
}
