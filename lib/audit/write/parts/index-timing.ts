/** When a unique constraint is checked: made anew, since ALTER CONSTRAINT is for foreign keys alone. */
import type { Index } from '../../../../lambda/audit/catalogue/indexes';
import { derived, column as name, tableOf } from '../names';
import type { Part, Unwritten } from '../part';
import { verification } from './index-checks';
import { groupOfIndex, useIndex, written } from './index-sql';

/** Beside a deferrable one another index is not enough: ON CONFLICT takes both, and fails. The rows are unique all the time. */
export function immediatePart(index: Index): Part | Unwritten {
  const table = tableOf(index);
  const own = name(index.name);
  const built = derived(index.name, '_now');
  const { deferrable: _, ...immediate } = index;
  return {
    phase: 'index',
    group: groupOfIndex(index),
    title: `immediate ${index.table} ${index.name}`,
    about: [
      `${own} on ${table} is deferrable, and ON CONFLICT cannot decide by it: it becomes one that is checked at once.`,
    ],
    decide: [`does anything rely on ${own} being checked at the end of the transaction?`],
    ...(index.primary ? { consents: { 'primary-key-scan': 'its columns are NOT NULL already' } } : {}),
    up: [
      written(index, { concurrently: true, called: built }),
      `ALTER TABLE ${table} DROP CONSTRAINT ${own}, ${useIndex(immediate, built).replace(`ALTER TABLE ${table} `, '')}`,
    ],
    verify: verification(index),
  };
}

/** A constraint is made deferrable by making it again. */
export function deferrablePart(index: Index): Part {
  const own = name(index.name);
  const built = derived(index.name, '_now');
  return {
    phase: 'index',
    group: groupOfIndex(index),
    title: `deferrable ${index.table} ${index.name}`,
    about: [`${own} on ${tableOf(index)} is checked later in the source: it is made again.`],
    decide: [`does an ON CONFLICT decide by ${own}? By a deferrable constraint it cannot.`],
    ...(index.primary ? { consents: { 'primary-key-scan': 'its columns are NOT NULL already' } } : {}),
    up: [
      written(index, { concurrently: true, called: built }),
      `ALTER TABLE ${tableOf(index)} DROP CONSTRAINT ${own}, ${useIndex(index, built).replace(`ALTER TABLE ${tableOf(index)} `, '')}`,
    ],
    verify: verification(index),
  };
}
