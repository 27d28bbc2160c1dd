/** What is written of an index: its definition, the constraint that takes it, and the file that it goes to. */
import type { Index } from '../../../../lambda/audit/catalogue/indexes';
import { column as name, relation, tableOf } from '../names';

/** The definition, under another name, on another table, or otherwise. */
export const written = (
  { definition, name: own, schema, table }: Index,
  { concurrently = false, called = own, on = `${relation({ schema, name: table })}` },
): string =>
  definition.replace(
    /^CREATE (UNIQUE )?INDEX .*? USING /s,
    (_, unique = '') =>
      `CREATE ${unique}INDEX ${concurrently ? 'CONCURRENTLY ' : ''}${name(called)} ON ${on} USING `,
  );

/** The file that builds it. */
export const groupOfIndex = (index: Index): string =>
  index.unique ? `unique ${tableOf(index)} ${name(index.name)}` : `indexes of ${tableOf(index)}`;

/** When it is checked; nothing where that is at once. */
export const timing = ({ deferrable, initiallyDeferred }: Index): string =>
  deferrable ? ` DEFERRABLE${initiallyDeferred ? ' INITIALLY DEFERRED' : ''}` : '';

/** The index gets the name of the constraint. */
export const useIndex = (index: Index, by: string): string =>
  `ALTER TABLE ${tableOf(index)} ADD CONSTRAINT ${name(index.name)} ${index.primary ? 'PRIMARY KEY' : 'UNIQUE'} USING INDEX ${name(by)}${timing(index)}`;
