/** Draws indexes, constraints and foreign keys. */
import type { Drawn } from './drawn';

export async function index(drawn: Drawn): Promise<boolean> {
  const { random } = drawn;
  const table = random.of(drawn.tables);
  const columns = drawn.some(table);
  const over = random.of([
    columns.join(', '),
    columns.join(' DESC, '),
    `${columns[0]} DESC NULLS LAST`,
    `(${columns[0]} IS NULL)`,
    ...drawn.functions.map((each) => `${each}(id)`),
    `md5(${columns[0]}::text)`,
  ]);
  const unique = random.onceIn(3);
  const method = unique ? '' : random.of(['', '', '', ' USING hash', ' USING brin', ' USING gin']);
  const more = `${random.onceIn(5) ? ` INCLUDE (id)` : ''}${unique && drawn.major >= 15 && random.onceIn(3) ? ' NULLS NOT DISTINCT' : ''}${random.onceIn(4) ? ` WHERE ${random.of(table.columns).name} IS NOT NULL` : ''}`;
  const made = await drawn.attempt(
    `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${random.onceIn(3) ? '' : drawn.name()} ON ${table.sql}${method} (${over})${more}`,
  );
  if (made && unique && over === columns.join(', ') && !more.includes('WHERE')) table.keys.push(columns);
  return made;
}

export async function constraint(drawn: Drawn): Promise<boolean> {
  const { random } = drawn;
  const table = random.of(drawn.tables);
  const columns = drawn.some(table);
  const late = random.of(['', '', '', ' DEFERRABLE', ' DEFERRABLE INITIALLY DEFERRED']);
  const unique = `UNIQUE (${columns.join(', ')})${late}`;
  const what = random.of([
    unique,
    unique,
    `PRIMARY KEY (${columns.join(', ')})`,
    `CHECK (${columns[0]} IS NOT NULL)${random.of(['', ' NOT VALID', ' NO INHERIT'])}`,
    'CHECK (id > 0)',
    'CHECK (id BETWEEN 1 AND 100 OR id IN (200, 300))',
    ...drawn.functions.map((each) => `CHECK (${each}(id) > 0)`),
    `EXCLUDE USING btree (${columns[0]} WITH =)${late}`,
    ...(drawn.major >= 18 ? [`CHECK (id < 999) NOT ENFORCED`, `NOT NULL ${columns[0]} NOT VALID`] : []),
  ]);
  const made = await drawn.attempt(
    `ALTER TABLE ${table.sql} ADD ${random.onceIn(3) ? '' : `CONSTRAINT ${drawn.name()} `}${what}`,
  );
  if (made && (what === unique || what.startsWith('PRIMARY')) && !what.includes('DEFERRABLE'))
    table.keys.push(columns);
  return made;
}

export async function foreignKey(drawn: Drawn): Promise<boolean> {
  const { random } = drawn;
  const to = random.of(drawn.tables.filter(({ keys }) => keys.length > 0));
  if (to === undefined) return false;
  const key = random.of(to.keys);
  const from = random.of(drawn.tables);
  const columns = key.map((name) => {
    const type = to.columns.find((each) => each.name === name)?.type;
    return random.of(from.columns.filter((each) => each.type === type))?.name;
  });
  const action = random.of([
    '',
    ' ON DELETE CASCADE',
    ' ON DELETE SET NULL',
    ' ON UPDATE CASCADE ON DELETE RESTRICT',
    ' DEFERRABLE',
    ' NOT VALID',
    ' MATCH FULL',
    ' ON DELETE SET DEFAULT INITIALLY DEFERRED',
  ]);
  return drawn.attempt(
    `ALTER TABLE ${from.sql} ADD ${random.onceIn(3) ? '' : `CONSTRAINT ${drawn.name()} `}FOREIGN KEY (${columns.join(', ')}) REFERENCES ${to.sql} (${key.join(', ')})${action}`,
  );
}
