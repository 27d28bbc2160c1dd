/** Draws tables of all forms, and columns of them. */
import type { Drawn } from './drawn';

export async function table(drawn: Drawn): Promise<boolean> {
  const { random } = drawn;
  const sql = drawn.named();
  const columns = [
    { sql: 'id int NOT NULL', name: 'id', type: 'int' },
    ...Array.from({ length: 1 + random.below(5) }, () => drawn.definition()),
  ];
  const key = random.of([
    '',
    ', PRIMARY KEY (id)',
    ', PRIMARY KEY (id)',
    `, PRIMARY KEY (id, ${columns[1]!.name})`,
    ', UNIQUE (id)',
  ]);
  const made = await drawn.attempt(
    `CREATE ${random.onceIn(8) ? 'UNLOGGED ' : ''}TABLE ${sql} (${columns.map((each) => each.sql).join(', ')}${key})${random.onceIn(8) ? ' WITH (fillfactor = 70)' : ''}`,
  );
  if (made)
    drawn.tables.push({
      sql,
      columns,
      keys: key === '' ? [] : [key.includes('(id)') ? ['id'] : ['id', columns[1]!.name]],
    });
  return made;
}

export async function partitioned(drawn: Drawn): Promise<boolean> {
  const { random } = drawn;
  const sql = drawn.named();
  const by = random.of(['RANGE', 'LIST', 'HASH']);
  const key = random.of(['', ', PRIMARY KEY (id)', ', PRIMARY KEY (id, v)', ', UNIQUE (id)']);
  if (
    !(await drawn.attempt(
      `CREATE TABLE ${sql} (id int NOT NULL, v int DEFAULT 1, note text${key}) PARTITION BY ${by} (id)`,
    ))
  )
    return false;
  const bounds = {
    RANGE: ['FROM (MINVALUE) TO (10)', 'FROM (10) TO (20)'],
    LIST: ['IN (1, 2)', 'IN (3)'],
    HASH: ['WITH (MODULUS 2, REMAINDER 0)', 'WITH (MODULUS 2, REMAINDER 1)'],
  }[by]!;
  for (const bound of bounds) {
    const part = drawn.named();
    const divided = random.onceIn(4);
    if (
      (await drawn.attempt(
        `CREATE TABLE ${part} PARTITION OF ${sql} FOR VALUES ${bound}${divided ? ' PARTITION BY LIST (id)' : ''}`,
      )) &&
      divided
    )
      await drawn.attempt(`CREATE TABLE ${drawn.named()} PARTITION OF ${part} DEFAULT`);
  }
  if (by !== 'HASH' && random.onceIn(2))
    await drawn.attempt(`CREATE TABLE ${drawn.named()} PARTITION OF ${sql} DEFAULT`);
  drawn.tables.push({
    sql,
    columns: [
      { name: 'id', type: 'int' },
      { name: 'v', type: 'int' },
      { name: 'note', type: 'text' },
    ],
    keys: key.includes('(id)') ? [['id']] : key === '' ? [] : [['id', 'v']],
  });
  return true;
}

export async function child(drawn: Drawn): Promise<boolean> {
  const parent = drawn.random.of(drawn.tables);
  const sql = drawn.named();
  const own = drawn.definition();
  const made = await drawn.attempt(`CREATE TABLE ${sql} (${own.sql}) INHERITS (${parent.sql})`);
  if (made) drawn.tables.push({ sql, columns: [...parent.columns, own], keys: [] });
  return made;
}

export async function column(drawn: Drawn): Promise<boolean> {
  const table = drawn.random.of(drawn.tables);
  const { random } = drawn;
  const number = table.columns.filter(({ type }) => type === 'int').map(({ name }) => name);
  const kind = random.below(5);
  const of = random.of(number);
  if (kind === 0 && drawn.functions.length > 0) {
    const name = drawn.name();
    const made = await drawn.attempt(
      `ALTER TABLE ${table.sql} ADD ${name} int GENERATED ALWAYS AS (${random.of(drawn.functions)}(${of})) ${drawn.major >= 18 && random.onceIn(2) ? 'VIRTUAL' : 'STORED'}`,
    );
    if (made) table.columns.push({ name, type: 'int' });
    return made;
  }
  if (kind === 1) return drawn.attempt(`ALTER TABLE ${table.sql} ALTER ${of} SET STATISTICS 500`);
  if (kind === 2)
    return drawn.attempt(`ALTER TABLE ${table.sql} ALTER ${random.of(table.columns).name} SET NOT NULL`);
  const made = drawn.definition();
  const done = await drawn.attempt(`ALTER TABLE ${table.sql} ADD ${made.sql}`);
  if (done) table.columns.push(made);
  return done;
}
