/** A schema that nobody would write: objects of all kinds, drawn by a seed, which depend on each other as it comes. */
import { quoteIdentifier as q } from '../../../lambda/sql/quote';
import { routine, rule, trigger, type, view } from './draw-code';
import { constraint, foreignKey, index } from './draw-keys';
import { comment, grant, policy, publication, sequence, setting } from './draw-rest';
import { child, column, partitioned, table } from './draw-tables';
import { Drawn } from './drawn';

type Step = (drawn: Drawn) => Promise<boolean>;

/** How often each is drawn, beside the others. */
const STEPS = (
  [
    [4, [table, index, constraint]],
    [3, [foreignKey, view, routine, trigger, column]],
    [2, [type, policy, grant, comment]],
    [1, [sequence, child, partitioned, rule, publication, setting]],
  ] as readonly (readonly [number, readonly Step[]])[]
).flatMap(([times, steps]) => steps.flatMap((step) => Array<Step>(times).fill(step)));

/** Returns how many of the objects were made: what is drawn does not always fit together. */
export async function makeSchema(
  objects: number,
  rows: number,
  ...of: ConstructorParameters<typeof Drawn>
): Promise<number> {
  const drawn = new Drawn(...of);
  for (const name of ['app', 'Sales Dept'])
    if (await drawn.attempt(`CREATE SCHEMA ${q(name)}`)) drawn.schemas.push(q(name));
  for (let i = 0; i < 3; i++) await table(drawn);
  let made = 0;
  for (let i = 0; i < objects; i++) if (await drawn.random.of(STEPS)(drawn)) made++;
  for (const { sql } of drawn.tables)
    for (let row = 1; row <= rows; row++) await drawn.attempt(`INSERT INTO ${sql} (id) VALUES (${row})`);
  return made;
}
