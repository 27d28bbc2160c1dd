/** What a database holds as one migration: for tools whose migrations are code, which nobody else can run. The parser must be ready. */
import type { Catalogue } from '../../lambda/audit/catalogue';
import { statementsFor } from '../audit/write/structure';
import { type Entry, isApplied, type Judged } from './entry';
import { type LeftOut, without } from './own-objects';
import { AdoptProblem } from './problem';

export interface AsFound {
  readonly entry: Entry;
  /** Why something of the database is not in it, half sentences. */
  readonly unwritten: readonly string[];
}

/** @throws {AdoptProblem} where none of the migrations is applied: then what is there is not what they made */
export function asFound(catalogue: Catalogue, leftOut: LeftOut, judged: readonly Judged[]): AsFound {
  const newest = judged.filter(({ state }) => isApplied(state)).at(-1);
  if (newest === undefined)
    throw new AdoptProblem(
      'no ledger says that any of these migrations is applied, so what the database holds is not known to be what they made',
      'Name the ledger with --ledger schema.table, or give the database that the tool has migrated.',
    );
  const { statements, unwritten } = statementsFor(without(catalogue, leftOut));
  return {
    entry: {
      key: newest.entry.key,
      file: 'what the database holds',
      name: '0001_as_found',
      version: '0001',
      words: 'The database as it was found',
      sql: statements.map((each) => `${each};`).join('\n'),
      transaction: 'file',
    },
    unwritten,
  };
}
